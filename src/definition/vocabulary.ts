import type { Json, JsonObject } from './types.ts';

/** What an argument is, and so how it is checked, compiled and handed to the operation. */
export type ArgumentKind =
  /** A value in the template language. */
  | 'template'
  /** Taken as written. */
  | 'literal'
  /** A literal regular expression. */
  | 'regex'
  /** Name of a variable that the step binds. */
  | 'bind'
  /** An object: each key is a variable that the step binds, each value a template. */
  | 'bindings'
  /** Name of something declared; `to` says of what. */
  | 'reference'
  /** A path to bytes: `request.body`, `$blob`, `$answer.body`. */
  | 'source'
  /** A condition. */
  | 'condition'
  /** A list of steps. */
  | 'pipeline'
  /**
   * A record key: text in the form of the document's key template, or an object of its parts, or a reference to either.
   * Where `many` says so: a list of these, or a reference to a list of encoded keys or objects of parts.
   */
  | 'key'
  /** A JSON Schema, or the name of one under `storage.schemas`. */
  | 'schema';

export type ReferenceTarget =
  | 'document'
  | 'index'
  | 'blob_store'
  | 'entity'
  | 'upstream'
  | 'pipeline'
  | 'event'
  | 'scope'
  | 'access';

export interface ArgumentDefinition {
  readonly kind: ArgumentKind;
  readonly description: string;
  readonly required: boolean;
  /** For `reference`. A reference to a `pipeline` or `scope` may be a list where `many` says so. */
  readonly to: ReferenceTarget | null;
  readonly many: boolean;
  /** JSON Schema of the literal form; a template's result is checked by the operation itself. */
  readonly schema: JsonObject | null;
  readonly default: Json | undefined;
  /** For `bind`: the value may be null. For `template`: null is accepted. */
  readonly nullable: boolean;
  /**
   * For `pipeline`: what the names bound inside are worth outside. `maybe`: may be null after; `inside`: not visible after.
   * For `bind`: `inside` binds the name for the step's `inside` pipeline only. For `template`: `inside` is evaluated at the end of that pipeline;
   * for `condition`: before it.
   */
  readonly scope: 'maybe' | 'inside';
}

export type Effect = 'pure' | 'read' | 'write' | 'once' | 'deferred' | 'control' | 'respond';

/** One operation, as `operations/<family>/<name>.json` states it. */
export interface OperationDefinition {
  /** `family.name`, or a bare name such as `set`. */
  readonly op: string;
  readonly summary: string;
  readonly description: string;
  readonly effect: Effect;
  /**
   * By name. A dotted name is a member of an object argument: `collect.from` stands in `args.collect.from`, and is required, where it is,
   * only when `args.collect` is given. The name `*` stands for all of `args` at once (`bindings`).
   */
  readonly args: Readonly<Record<string, ArgumentDefinition>>;
  /** Groups of arguments of which exactly one must be given. */
  readonly oneOf: readonly (readonly string[])[];
  /** Codes it may fail with, beyond those of evaluating its arguments. */
  readonly errors: readonly string[];
  readonly examples: readonly OperationExample[];
}

/**
 * An executable example. `step` runs after `given` is in place; `expect` says what must then hold. Exactly one of
 * `expect.error` and success.
 */
export interface OperationExample {
  readonly name: string;
  readonly given: JsonObject;
  /** One step, or a list (which may hold a whole transaction). */
  readonly step: Json;
  readonly expect: JsonObject;
}

export type Vocabulary = ReadonlyMap<string, OperationDefinition>;
