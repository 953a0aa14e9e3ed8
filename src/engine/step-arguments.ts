import type { Definition, EntityDefinition, Json, JsonObject, StepDefinition } from '../definition/types.ts';
import type { ArgumentDefinition, OperationDefinition } from '../definition/vocabulary.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { compileCondition, parseCondition } from '../language/condition.ts';
import type { Frame, Prelude } from '../language/frame.ts';
import type { SchemaValidator } from '../language/json-schema.ts';
import { toPlain } from '../language/member.ts';
import { compileStepKey, type KeyCodec, parseKeyTemplate, parseStepKey } from '../language/record-key.ts';
import { compileRegex, type LinearRegex } from '../language/regex.ts';
import {
  type CompiledMember,
  compileMembers,
  compileTemplate,
  compileText,
  parseTemplate,
} from '../language/template.ts';
import { type ByteHandle, isByteHandle } from '../language/values.ts';
import type { Upstream } from '../ports/upstream.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import { callPipeline } from './call.ts';
import type { CompileContext } from './compile-context.ts';
import type { DocumentPlan, IndexPlan, Run, Signal, StepCompiler, StepRun, TextEncoding } from './contract.ts';
import { inPass } from './in-pass.ts';
import type { PipelineScope } from './scope.ts';
import { encodeHeader, encodePath, isMultiParam } from './text-encoding.ts';
import type { BoundName } from './watch.ts';

/** The arguments of one step, compiled as its handler asks for them. Collects what must be evaluated before the step runs and what it binds. */
export class StepArguments implements StepCompiler {
  readonly definition: Definition;
  /** Expressions of the arguments; awaited before each run of the step. */
  readonly preludes: Prelude[] = [];
  /** The names that the step binds, with their slots. */
  readonly bound: BoundName[] = [];
  readonly #context: CompileContext;
  readonly #step: StepDefinition;
  readonly #operation: OperationDefinition;
  readonly #scope: PipelineScope;
  /** Where arguments of scope `inside` are read and bound. */
  readonly #inside: PipelineScope;
  readonly #place: string;

  constructor(
    context: CompileContext,
    step: StepDefinition,
    operation: OperationDefinition,
    scope: PipelineScope,
    place: string,
  ) {
    this.definition = context.definition;
    this.#context = context;
    this.#step = step;
    this.#operation = operation;
    this.#scope = scope;
    this.#place = place;
    const looping = Object.values(operation.args).some((argument) => argument.scope === 'inside');
    this.#inside = looping ? scope.inside() : scope;
  }

  has(argument: string): boolean {
    return this.#written(argument) !== undefined;
  }

  value(argument: string): (frame: Frame) => unknown {
    const json = this.#json(argument);
    if (json === undefined) return () => null;
    const { evaluate, prelude } = compileTemplate(parseTemplate(json), this.#scope);
    this.#await(prelude);
    return evaluate;
  }

  members(argument: string): readonly CompiledMember[] | null {
    const json = this.#json(argument);
    const compiled = json === undefined ? null : compileMembers(parseTemplate(json), this.#scope);
    this.#await(compiled?.prelude ?? null);
    return compiled?.members ?? null;
  }

  inside(argument: string): ((run: Run) => MaybePromise<unknown>) | null {
    const json = this.#json(argument);
    if (json === undefined) return null;
    const { evaluate, prelude } = compileTemplate(parseTemplate(json), this.#inside);
    return prelude === null ? evaluate : (run) => whenReady(prelude(run), () => evaluate(run));
  }

  insideCondition(argument: string): ((run: Run) => MaybePromise<boolean>) | null {
    const json = this.#json(argument);
    if (json === undefined) return null;
    const { test, prelude } = compileCondition(parseCondition(json), this.#inside);
    return prelude === null ? test : (run) => whenReady(prelude(run), () => test(run));
  }

  text(argument: string, encoding: TextEncoding = 'none'): (frame: Frame) => string | null {
    const json = this.#json(argument);
    if (json === undefined) return () => null;
    const scope = this.#scopeOf(argument);
    if (typeof json !== 'string') {
      const { evaluate, prelude } = compileTemplate(parseTemplate(json), scope);
      this.#await(prelude);
      return (frame) => asText(evaluate(frame), argument);
    }
    const encode =
      encoding === 'none' ? null : encoding === 'path' ? encodePath(isMultiParam(this.definition)) : encodeHeader;
    const { evaluate, prelude } = compileText(parseTemplate(json), scope, encode);
    this.#await(prelude);
    return evaluate;
  }

  integer(argument: string): (frame: Frame) => number | null {
    const evaluate = this.value(argument);
    return (frame) => asInteger(evaluate(frame), argument);
  }

  boolean(argument: string, absent: boolean): (frame: Frame) => boolean {
    const evaluate = this.value(argument);
    return (frame) => {
      const value = evaluate(frame) ?? absent;
      if (typeof value !== 'boolean') throw invalid(argument, 'true or false');
      return value;
    };
  }

  literal(argument: string): Json | undefined {
    return this.#json(argument);
  }

  regex(argument: string): LinearRegex | null {
    const json = this.#json(argument);
    return typeof json === 'string' ? compileRegex(json) : null;
  }

  schema(argument: string, options?: { readonly coerce?: boolean }): SchemaValidator | null {
    const json = this.#json(argument);
    if (typeof json !== 'string' && (typeof json !== 'object' || json === null)) return null;
    return this.#context.schema(json, options?.coerce);
  }

  condition(argument: string): ((frame: Frame) => boolean) | null {
    const json = this.#json(argument);
    if (json === undefined) return null;
    const { test, prelude } = compileCondition(parseCondition(json), this.#scope);
    this.#await(prelude);
    return test;
  }

  bind(argument: string): (frame: Frame, value: unknown) => void {
    const name = this.#json(argument);
    if (typeof name !== 'string') return () => {};
    return this.#store(this.#scopeOf(argument), name);
  }

  bindings(
    argument: string,
  ): readonly { name: string; evaluate: (frame: Frame) => unknown; store: (frame: Frame, value: unknown) => void }[] {
    const json = argument === '*' ? this.#step.args : this.#json(argument);
    const compiled = Object.entries((json ?? {}) as JsonObject).map(([name, value]) => {
      const { evaluate, prelude } = compileTemplate(parseTemplate(value), this.#scope);
      this.#await(prelude);
      return { name, evaluate };
    });
    // Bound after all are compiled: `{"a": "$b", "b": "$a"}` reads both as they were.
    return compiled.map((entry) => ({ ...entry, store: this.#store(this.#scope, entry.name) }));
  }

  bindName(name: string): (frame: Frame, value: unknown) => void {
    return this.#store(this.#scope, name);
  }

  isBound(name: string): boolean {
    return this.#scope.find(name) !== null;
  }

  read(name: string): (frame: Frame) => unknown {
    const slot = this.#scope.slotOf(name);
    return (frame) => frame.slots[slot];
  }

  source(argument: string): (frame: Frame) => ByteHandle {
    const written = this.#json(argument);
    const json = typeof written === 'string' && !/^[${]/.test(written) ? `$${written}` : (written ?? '$request.body');
    const { evaluate, prelude } = compileTemplate(parseTemplate(json), this.#scope);
    this.#await(prelude);
    const stores = Object.keys(this.definition.blobStores);
    return (frame) => {
      const value = evaluate(frame);
      return isByteHandle(value) ? value : reopened(value, stores, frame as Run, argument);
    };
  }

  document(argument: string): DocumentPlan {
    return this.#context.document(this.#name(argument));
  }

  key(argument: string, document: DocumentPlan): (frame: Frame) => string {
    return this.#compileKey(this.#json(argument), document);
  }

  keys(argument: string, document: DocumentPlan): (frame: Frame) => readonly string[] {
    const json = this.#json(argument);
    if (Array.isArray(json)) {
      const keys = json.map((key) => this.#compileKey(key, document));
      return (frame) => keys.map((key) => key(frame));
    }
    const list = this.value(argument);
    return (frame) => {
      const values = list(frame);
      if (!Array.isArray(values)) throw invalid(argument, 'a list of keys');
      return values.map((value: unknown) => {
        if (typeof value === 'string') return document.checkKey(value);
        if (typeof value !== 'object' || value === null) throw invalid(argument, 'a list of keys');
        return document.encodeKey(toPlain(value) as Readonly<Record<string, unknown>>);
      });
    };
  }

  index(argument: string): IndexPlan {
    return this.#context.index(this.#name(argument));
  }

  entity(argument: string): EntityDefinition {
    const entity = this.definition.entities[this.#name(argument)];
    if (entity === undefined) throw new Error(`The checker let the entity ${this.#name(argument)} pass`);
    return entity;
  }

  blobStore(argument: string): string {
    const named = this.#json(argument);
    if (typeof named === 'string') return named;
    const names = Object.keys(this.definition.blobStores);
    return names.includes('primary') ? 'primary' : (names[0] ?? '');
  }

  upstream(argument: string): Upstream {
    return this.#context.upstream(this.#name(argument));
  }

  event(argument: string): { readonly type: string; readonly validate: SchemaValidator | null } {
    const type = this.#name(argument);
    const schema = this.definition.events[type]?.schema ?? null;
    return { type, validate: schema === null ? null : this.#context.schema(schema) };
  }

  pipeline(argument: string): StepRun | null {
    const steps = this.#written(argument);
    if (!Array.isArray(steps)) return null;
    const scope = this.#scopeOf(argument);
    const run = this.#context.steps(
      steps as unknown as readonly StepDefinition[],
      scope,
      `${this.#place}.${argument}.`,
    );
    if (scope === this.#scope) return run;
    // Names bound inside begin each round unbound; those that the loop itself binds (`as`) are there already.
    const kept = new Set(this.bound.map(({ slot }) => slot));
    const fresh = scope.ownSlots.filter((slot) => !kept.has(slot));
    const place = `${this.#place}.${argument}`;
    return (frame) => {
      for (const slot of fresh) frame.slots[slot] = null;
      return inPass(frame, place, () => run(frame));
    };
  }

  call(argument: string): {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    run(run: Run, inputs: readonly unknown[]): MaybePromise<Signal | { readonly outputs: readonly unknown[] }>;
  } {
    const name = this.#name(argument);
    const pipeline = this.definition.pipelines[name];
    if (pipeline === undefined) throw new Error(`The checker let the pipeline ${name} pass`);
    const compiled = this.#context.pipeline(name);
    const place = `${this.#place}.${argument}`;
    return {
      inputs: pipeline.inputs,
      outputs: pipeline.outputs,
      run: (run, inputs) => inPass(run, place, () => callPipeline(compiled, run, inputs)),
    };
  }

  #compileKey(json: Json | undefined, document: DocumentPlan): (frame: Frame) => string {
    const template = parseKeyTemplate(this.definition.documents[document.name]?.keyTemplate ?? '');
    const codec: KeyCodec = {
      parts: document.parts,
      encode: document.encodeKey,
      prefix: document.encodePrefix,
      decode: document.decodeKey,
      check: document.checkKey,
    };
    const { evaluate, prelude } = compileStepKey(parseStepKey(json, template), codec, this.#scope);
    this.#await(prelude);
    return evaluate;
  }

  /** The argument as written, or its default, or undefined. */
  #json(argument: string): Json | undefined {
    const written = this.#written(argument);
    return written === undefined ? this.#definitionOf(argument)?.default : written;
  }

  /** A dotted argument is a member of an object: `collect.from`. */
  #written(argument: string): Json | undefined {
    let at: Json | undefined = this.#step.args;
    for (const name of argument.split('.')) {
      if (typeof at !== 'object' || at === null || Array.isArray(at) || !Object.hasOwn(at, name)) return undefined;
      at = (at as JsonObject)[name];
    }
    return at;
  }

  #definitionOf(argument: string): ArgumentDefinition | undefined {
    return Object.hasOwn(this.#operation.args, argument) ? this.#operation.args[argument] : undefined;
  }

  #scopeOf(argument: string): PipelineScope {
    return this.#definitionOf(argument)?.scope === 'inside' ? this.#inside : this.#scope;
  }

  #name(argument: string): string {
    const name = this.#json(argument);
    if (typeof name !== 'string') throw new Error(`The checker let ${this.#step.op} without ${argument} pass`);
    return name;
  }

  #store(scope: PipelineScope, name: string): (frame: Frame, value: unknown) => void {
    const slot = scope.bind(name);
    this.bound.push({ name, slot });
    return (frame, value) => {
      frame.slots[slot] = value;
    };
  }

  #await(prelude: Prelude | null): void {
    if (prelude !== null) this.preludes.push(prelude);
  }
}

function asText(value: unknown, argument: string): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw invalid(argument, 'text');
}

function asInteger(value: unknown, argument: string): number | null {
  if (value === null || value === undefined) return null;
  const number = typeof value === 'string' && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw invalid(argument, 'a whole number');
  return number;
}

function invalid(argument: string, wanted: string): RegistryError {
  return new RegistryError('VALUE_INVALID', { message: `${argument} must be ${wanted}`, details: { argument } });
}

/** The plain form that expressions see of a blob stands for it: opened again by its digest. */
function reopened(value: unknown, stores: readonly string[], run: Run, argument: string): ByteHandle {
  const { digest, size, media_type } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (typeof digest !== 'string' || typeof size !== 'number' || stores[0] === undefined)
    throw invalid(argument, 'bytes');
  const store = stores.includes('primary') ? 'primary' : stores[0];
  const handle = run.session.blobs.get(store, digest, {
    size,
    mediaType: typeof media_type === 'string' ? media_type : null,
  });
  if (handle instanceof Promise || handle === null) throw invalid(argument, 'bytes');
  return handle;
}
