import jsonata from 'jsonata';
import { RegistryError } from '../errors/registry-error.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { copyIn, copyOut } from './expression-copy.ts';
import { FUNCTIONS, LENT } from './expression-functions.ts';
import { checkSize, checkTime, EXPRESSION_LIMITS, inTurn, spentMs } from './expression-limits.ts';
import { compileQuick, UNSUITED } from './expression-quick.ts';
import { ExpressionRegex } from './expression-regex.ts';
import { type AstNode, walkExpression } from './expression-walk.ts';
import { type Frame, ROOTS, type RootName, type Scope } from './frame.ts';
import { setOwn } from './member.ts';
import type { Problem } from './problem.ts';
import { isRoot, type Read } from './read.ts';
import type { Use } from './use.ts';

/** A parsed expression (JSONata 2). `$name` and, outside of paths, `name` read a variable. */
export interface Expression {
  /** What stands between `{%` and `%}`. */
  readonly source: string;
  readonly uses: readonly Use[];
  readonly problems: readonly Problem[];
}

/** Called by the engine after each evaluation of a node. */
const EXIT_HOOK = Symbol.for('jsonata.__evaluate_exit');

/**
 * Parses an expression and checks it against what is allowed: at most 2000 characters, the functions of `FUNCTIONS`, regular
 * expressions as everywhere else, and no reading of variables that it does not name. Nothing is thrown.
 */
export function parseExpression(source: string, pointer: string): Expression {
  const refuse = (message: string): Expression => ({
    source,
    uses: [],
    problems: [{ code: 'EXPRESSION_INVALID', message, pointer }],
  });
  const { sourceLength } = EXPRESSION_LIMITS;
  if (source.length > sourceLength) return refuse(`An expression has at most ${sourceLength} characters`);
  try {
    const ast: unknown = jsonata(source).ast();
    return { source, ...walkExpression(ast as AstNode, pointer) };
  } catch (thrown) {
    const { message, position } = describe(thrown);
    return refuse(position === null ? message : `${message} (at character ${position})`);
  }
}

/**
 * Compiles an expression without problems. Each evaluation gets plain copies of just the variables that are named, and is bounded in
 * depth, time and size; it fails with EXPRESSION_FAILED, whose details hold the engine's `code` and `position`. The result is plain
 * JSON of its own, null where the expression gave nothing. Data with the engine's own marks fails with VALUE_INVALID where the engine
 * would see it. Simple expressions over scalars are answered at once (`compileQuick`).
 */
export function compileExpression(expression: Expression, scope: Scope): (frame: Frame) => MaybePromise<unknown> {
  const program = compileProgram(expression.source);
  const inputs = compileInputs(expression.uses, scope);
  const quick = compileQuick(program.ast() as AstNode, new Map(inputs.map(({ name, read }) => [name, read])));
  const slow = compileSlow(program, inputs);
  if (quick === null) return slow;
  return (frame) => {
    const result = quick(frame);
    return result === UNSUITED ? slow(frame) : copyOut(result, EXPRESSION_LIMITS.resultBytes);
  };
}

interface Input {
  readonly name: string;
  readonly read: Read;
}

function compileSlow(program: jsonata.Expression, inputs: readonly Input[]): (frame: Frame) => Promise<unknown> {
  return (frame) =>
    inTurn(async () => {
      const input = {};
      const bindings: Record<string, unknown> = Object.create(null);
      for (const { name, read } of inputs) {
        const value = copyIn(read(frame));
        setOwn(input, name, value);
        if (!FUNCTIONS.has(name)) bindings[name] = value;
      }
      try {
        const result: unknown = await program.evaluate(input, bindings);
        return copyOut(result, EXPRESSION_LIMITS.resultBytes);
      } catch (thrown) {
        if (thrown instanceof RegistryError) throw thrown;
        const { code, position } = describe(thrown);
        // The engine's own errors repeat the value they are about, and that may be a secret of who made the request.
        const cause = code === null ? thrown : undefined;
        throw new RegistryError('EXPRESSION_FAILED', { details: { code, position }, cause });
      } finally {
        frame.session?.spend(spentMs());
      }
    });
}

function compileProgram(source: string): jsonata.Expression {
  const program = jsonata(source, {
    stack: EXPRESSION_LIMITS.depth,
    sequence: EXPRESSION_LIMITS.listLength,
    // The engine makes its regular expressions with `new` and uses nothing but `exec` and `lastIndex`.
    RegexEngine: ExpressionRegex as unknown as RegExpConstructor,
  });
  // Declared types are too narrow twice: for functions whose parameters are typed, and for the hook's name, a symbol.
  for (const [name, { run, signature }] of LENT) {
    Reflect.apply(program.registerFunction, program, [name, run, signature]);
  }
  const guard = (_node: unknown, _input: unknown, _environment: unknown, result: unknown) => {
    checkTime();
    checkSize(result);
  };
  Reflect.apply(program.assign, program, [EXIT_HOOK, guard]);
  return program;
}

/** The variables to copy, each once; of a root only the members that are named, unless it is used as a whole. */
function compileInputs(uses: readonly Use[], scope: Scope): readonly Input[] {
  return [...Map.groupBy(uses, (use) => use.name)].map(([name, group]) => {
    if (isRoot(name)) return { name, read: compileRootInput(name, group) };
    const slot = scope.slotOf(name);
    return { name, read: (frame: Frame) => frame.slots[slot] };
  });
}

function compileRootInput(name: RootName, uses: readonly Use[]): Read {
  const named = uses.some((use) => use.whole) ? null : [...new Set(uses.map((use) => use.path.split('.')[1] ?? ''))];
  return (frame) => {
    const view = frame[name];
    const copy = {};
    for (const member of named ?? ROOTS[name] ?? Object.keys(view)) {
      // Of `env`, whose names are not fixed, own members only; the others may be getters.
      if (ROOTS[name] !== null || Object.hasOwn(view, member)) setOwn(copy, member, Reflect.get(view, member));
    }
    return copy;
  };
}

/** The engine throws plain objects. */
function describe(thrown: unknown): {
  readonly message: string;
  readonly code: string | null;
  readonly position: number | null;
} {
  const { message, code, position }: Readonly<Record<string, unknown>> = Object(thrown);
  return {
    message: typeof message === 'string' ? message : 'The expression is malformed',
    code: typeof code === 'string' ? code : null,
    position: typeof position === 'number' ? position : null,
  };
}
