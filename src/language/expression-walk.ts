import { FUNCTIONS } from './expression-functions.ts';
import type { Path } from './path.ts';
import type { Problem } from './problem.ts';
import { checkRootMember } from './read.ts';
import { checkRegex } from './regex.ts';
import type { Use } from './use.ts';

/** A node of the expression engine's syntax tree, as far as it is looked at. */
export interface AstNode {
  readonly type: string;
  readonly value?: unknown;
  readonly steps?: readonly AstNode[];
  readonly predicate?: readonly AstNode[];
  readonly stages?: readonly AstNode[];
  readonly group?: { readonly lhs: readonly AstPair[] };
  readonly terms?: readonly { readonly expression: AstNode }[];
  readonly focus?: string;
  readonly index?: string;
  readonly expr?: AstNode;
  readonly lhs?: AstNode | readonly AstPair[];
  readonly rhs?: AstNode;
  readonly expression?: AstNode;
  readonly expressions?: readonly AstNode[];
  readonly arguments?: readonly AstNode[];
  readonly procedure?: AstNode;
  readonly body?: AstNode;
  readonly condition?: AstNode;
  readonly then?: AstNode;
  readonly else?: AstNode;
  readonly pattern?: AstNode;
  readonly update?: AstNode;
  readonly delete?: AstNode;
}

type AstPair = readonly [AstNode, AstNode];

/** Where a node stands: which names the expression has bound itself, and whether a bare name is a variable of ours. */
interface Place {
  readonly locals: Locals;
  /** False inside paths, predicates and the like, where names are members of the value at hand. */
  readonly isTop: boolean;
}

interface Locals {
  readonly names: Set<string>;
  readonly outer: Locals | null;
}

/** The variables that an expression reads, and what it may not do. */
export function walkExpression(ast: AstNode, pointer: string): { readonly uses: Use[]; readonly problems: Problem[] } {
  const uses: Use[] = [];
  const problems: Problem[] = [];

  const refuse = (message: string, fix?: string) =>
    problems.push({ code: 'EXPRESSION_INVALID', message, pointer, ...(fix === undefined ? {} : { fix }) });

  const use = (name: string, members: readonly string[]) => {
    const source = [name, ...members].join('.');
    const path: Path = { source, name, steps: members.map((member) => ({ kind: 'member', name: member })) };
    const problem = checkRootMember(path, pointer, 'EXPRESSION_INVALID');
    if (problem !== null) problems.push(problem);
    uses.push({ name, path: source, place: 'expression', optional: false, whole: members.length === 0, pointer });
  };

  const everything = () =>
    refuse('An expression sees only the variables that it names', 'Write the variable: $name or name');

  const walkVariable = (name: string, members: readonly string[], place: Place) => {
    if (name === '' && !place.isTop) return;
    if (name === '' || name === '$') {
      const [first, ...rest] = members;
      if (first === undefined) everything();
      else use(first, rest);
    } else if (!isLocal(place.locals, name) && !FUNCTIONS.has(name)) {
      use(name, members);
    }
  };

  const walkPath = (steps: readonly AstNode[], place: Place) => {
    let isTop = place.isTop;
    for (const [index, step] of steps.entries()) {
      const at: Place = { locals: place.locals, isTop };
      if (step.type === 'name') {
        if (isTop) use(String(step.value), membersAfter(steps, index));
      } else if (step.type === 'variable') {
        walkVariable(String(step.value), membersAfter(steps, index), at);
      } else {
        walkNode(step, at);
      }
      if (step.focus !== undefined) place.locals.names.add(step.focus);
      if (step.index !== undefined) place.locals.names.add(step.index);
      walkExtras(step, place.locals);
      // After `@$name` the next step looks at the same value again.
      if (step.focus === undefined) isTop = false;
    }
  };

  /** Predicates and groups, which stand in the value that they follow. */
  const walkExtras = (node: AstNode, locals: Locals) => {
    const inside: Place = { locals, isTop: false };
    for (const stage of [...(node.predicate ?? []), ...(node.stages ?? [])]) {
      if (stage.type === 'index') locals.names.add(String(stage.value));
      else if (stage.expr !== undefined) walk(stage.expr, inside);
    }
    for (const pair of node.group?.lhs ?? []) for (const part of pair) walk(part, inside);
    for (const term of node.terms ?? []) walk(term.expression, inside);
  };

  const walk = (node: AstNode, place: Place): void => {
    walkNode(node, place);
    walkExtras(node, place.locals);
  };

  const walkAll = (nodes: readonly (AstNode | undefined)[], place: Place) => {
    for (const node of nodes) if (node !== undefined) walk(node, place);
  };

  const walkNode = (node: AstNode, place: Place): void => {
    switch (node.type) {
      case 'path':
        walkPath(node.steps ?? [], place);
        break;
      case 'variable':
        walkVariable(String(node.value), [], place);
        break;
      case 'wildcard':
      case 'descendant':
        if (place.isTop) everything();
        break;
      case 'string':
      case 'number':
      case 'value':
      case 'name':
      case 'operator':
      case 'sort':
        break;
      case 'regex':
        walkRegex(node.value);
        break;
      case 'unary':
        walkAll([node.expression, ...(node.expressions ?? [])], place);
        if (isPairs(node.lhs)) for (const pair of node.lhs) walkAll(pair, place);
        break;
      case 'binary':
      case 'apply':
        walkAll([isPairs(node.lhs) ? undefined : node.lhs, node.rhs], place);
        break;
      case 'bind':
        walkBind(node, place);
        break;
      case 'block': {
        const locals: Locals = { names: new Set(), outer: place.locals };
        walkAll(node.expressions ?? [], { locals, isTop: place.isTop });
        break;
      }
      case 'condition':
        walkAll([node.condition, node.then, node.else], place);
        break;
      case 'lambda': {
        const names = new Set((node.arguments ?? []).map(({ value }) => String(value)));
        walkAll([node.body], { locals: { names, outer: place.locals }, isTop: place.isTop });
        break;
      }
      case 'function':
      case 'partial':
        walkCall(node, place);
        break;
      case 'transform':
        walkAll([node.pattern, node.update, node.delete], { locals: place.locals, isTop: false });
        break;
      case 'parent':
        refuse('The parent operator % is not available', 'Bind the parent with @$name');
        break;
      default:
        refuse(`The expression uses "${node.type}", which is not available`);
    }
  };

  const walkBind = (node: AstNode, place: Place) => {
    const name = isPairs(node.lhs) ? '' : String(node.lhs?.value);
    // A function may call itself; any other value is computed before its name is bound.
    if (node.rhs?.type === 'lambda') place.locals.names.add(name);
    walkAll([node.rhs], place);
    place.locals.names.add(name);
  };

  const walkCall = (node: AstNode, place: Place) => {
    const { procedure } = node;
    if (procedure?.type === 'variable') {
      const name = String(procedure.value);
      if (!isLocal(place.locals, name) && !FUNCTIONS.has(name)) refuse(`The function $${name} is not available`);
    } else {
      walkAll([procedure], place);
    }
    walkAll(node.arguments ?? [], place);
  };

  const walkRegex = (literal: unknown) => {
    const problem = literal instanceof RegExp ? checkRegex(literal.source) : null;
    if (problem !== null) refuse(problem.message, problem.fix);
  };

  walk(ast, { locals: { names: new Set(), outer: null }, isTop: true });
  return { uses, problems };
}

/** The names of plain members that follow a step: what a path certainly looks at. */
function membersAfter(steps: readonly AstNode[], index: number): string[] {
  const members: string[] = [];
  let at = steps[index];
  for (let next = index + 1; next < steps.length; next++) {
    // A filter, a focus or a group ends what is certain about the value.
    if (at === undefined || at.stages !== undefined || at.predicate !== undefined || at.focus !== undefined) break;
    at = steps[next];
    if (at?.type !== 'name') break;
    members.push(String(at.value));
  }
  return members;
}

function isLocal(locals: Locals | null, name: string): boolean {
  return locals !== null && (locals.names.has(name) || isLocal(locals.outer, name));
}

function isPairs(value: AstNode['lhs']): value is readonly AstPair[] {
  return Array.isArray(value);
}
