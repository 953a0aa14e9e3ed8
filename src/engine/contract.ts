import type { Definition, EntityDefinition, Json, JsonObject } from '../definition/types.ts';
import type { RegistryError } from '../errors/registry-error.ts';
import type { Frame, Meter, PrincipalView } from '../language/frame.ts';
import type { SchemaValidator } from '../language/json-schema.ts';
import type { LinearRegex } from '../language/regex.ts';
import type { ByteHandle, StoredValue } from '../language/values.ts';
import type { PutOptions } from '../ports/blob-store.ts';
import type { Cache } from '../ports/cache.ts';
import type { FacetCount } from '../ports/record-search.ts';
import type { Filter, IndexRow, IndexSpec } from '../ports/record-store.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { DigestAlgorithm } from '../shared/digest.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { Fills } from './fills.ts';
import type { Representations } from './representations.ts';

export type { Fill, FillHead } from './fill.ts';

/**
 * An operation's handler. `compile` runs once per step, at load: it resolves everything and returns the closure that requests run.
 * The step was checked before: its arguments have the kinds that the definition states, references exist, names are bound.
 */
export interface OperationHandler {
  /** As in `operations/<family>/<name>.json`. */
  readonly op: string;
  compile(step: StepCompiler): StepRun;
}

/**
 * One compiled step. Nothing (undefined) goes on with the next step; a response ends the request. A step that does no I/O returns
 * at once, without a promise. Throws RegistryError; whatever else is thrown becomes INTERNAL.
 */
export type StepRun = (run: Run) => MaybePromise<Signal>;
export type Signal = ResponseDraft | undefined;

/** What a handler gets to compile a step. An argument is named as in the operation's definition. */
export interface StepCompiler {
  readonly definition: Definition;
  has(argument: string): boolean;
  /** `template`: evaluates to the value; null when the argument is absent (or its default). Documents come as StoredValue, bytes as ByteHandle. */
  value(argument: string): (frame: Frame) => unknown;
  /** `template` that must come out as text: numbers and booleans are printed; null or an object fails with VALUE_INVALID. Null when absent. */
  text(argument: string, encode?: TextEncoding): (frame: Frame) => string | null;
  /** `template` that must come out as a whole number, as text or number, else VALUE_INVALID; null when absent or null. */
  integer(argument: string): (frame: Frame) => number | null;
  /** `template` that must come out true or false, else VALUE_INVALID; `absent` when the argument is absent or null. */
  boolean(argument: string, absent: boolean): (frame: Frame) => boolean;
  /** `literal`: as written, or the default, or undefined. */
  literal(argument: string): Json | undefined;
  regex(argument: string): LinearRegex | null;
  /** With `coerce` the validator turns texts into numbers, booleans and lists, fills defaults in, and so changes the value it is given. */
  schema(argument: string, options?: { readonly coerce?: boolean }): SchemaValidator | null;
  condition(argument: string): ((frame: Frame) => boolean) | null;
  /** `bind`: stores into the variable; a no-op when the argument is absent. */
  bind(argument: string): (frame: Frame, value: unknown) => void;
  /**
   * `template`: the members of the object that is written there, in their order. Null where `value` has to be asked: no object is written
   * there, a constant one, or one with keys that only a request tells.
   */
  members(argument: string): readonly { readonly name: string; readonly evaluate: (frame: Frame) => unknown }[] | null;
  /** `bindings`: the names with their templates, in the order written. */
  bindings(argument: string): readonly {
    readonly name: string;
    readonly evaluate: (frame: Frame) => unknown;
    readonly store: (frame: Frame, value: unknown) => void;
  }[];
  /**
   * `template` with `scope: "inside"`: evaluated each time it is called, where the names bound inside the step's pipeline are visible.
   * A promise only where the template holds an expression. Null when the argument is absent.
   */
  inside(argument: string): ((run: Run) => MaybePromise<unknown>) | null;
  /** `condition` with `scope: "inside"`, as `inside`. */
  insideCondition(argument: string): ((run: Run) => MaybePromise<boolean>) | null;
  /** Stores into a variable by name: for operations that bind names which their arguments do not list (`parse.path`). */
  bindName(name: string): (frame: Frame, value: unknown) => void;
  /** Whether a name is bound before this step. */
  isBound(name: string): boolean;
  /** Reads a bound variable. */
  read(name: string): (frame: Frame) => unknown;
  /** `source`: the bytes. */
  source(argument: string): (frame: Frame) => ByteHandle;
  document(argument: string): DocumentPlan;
  /** `key` of that document: the encoded record key; fails with VALUE_MISSING or VALUE_INVALID. */
  key(argument: string, document: DocumentPlan): (frame: Frame) => string;
  /** `key` with `many`: the encoded record keys in order. A list as written, or a reference to a list of encoded keys or objects of parts. */
  keys(argument: string, document: DocumentPlan): (frame: Frame) => readonly string[];
  index(argument: string): IndexPlan;
  entity(argument: string): EntityDefinition;
  /** Name of the blob store; the only one or `primary` when the argument is absent. */
  blobStore(argument: string): string;
  upstream(argument: string): Upstream;
  /** Name of the event type and the validator of its payload. */
  event(argument: string): { readonly type: string; readonly validate: SchemaValidator | null };
  /** `pipeline`: the steps as one, in this scope. Null when absent. */
  pipeline(argument: string): StepRun | null;
  /** `reference` to a pipeline: a call of it with its own scope. `inputs` come in the order of the pipeline's `inputs`. */
  call(argument: string): {
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
    run(run: Run, inputs: readonly unknown[]): MaybePromise<Signal | { readonly outputs: readonly unknown[] }>;
  };
}

/**
 * How substituted values are made safe. `path`: percent-encoded by segment (a value's slashes are encoded unless it came from a `{x+}`
 * parameter); `header`: CR, LF and NUL refused with VALUE_INVALID; `none`: as they are.
 */
export type TextEncoding = 'none' | 'path' | 'header';

/** The state of one request inside one pipeline. A called pipeline has its own slots and shares the session. */
export interface Run extends Frame {
  readonly session: Session;
}

/** The state of one request. */
export interface Session extends Meter {
  readonly requestId: string;
  /** Aborts when the client goes away or the time is up. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  now(): number;
  /** What a catch clause dealt with last: where the request fails after all, the log has it as the cause. */
  caught: RegistryError | null;
  readonly records: Records;
  readonly blobs: Blobs;
  readonly identity: SessionIdentity;
  /** The cache of a kind (`response`, `blob`, or any other name; kinds do not see each other's keys). */
  readonly cache: Cache;
  readonly representations: Representations;
  readonly fills: Fills;
  /** A session for work that others wait for too: nobody's, or a principal's, with limits of its own, and it goes on when the client goes away. */
  detached(principal?: PrincipalView): DetachedSession;
  /** Runs now, or after the commit where a transaction is open (and not at all when that is dropped). Failures are logged, not thrown. */
  defer(action: () => MaybePromise<unknown>): MaybePromise<void>;
  /**
   * The record store's sequence from before this request read anything: what a cache entry made of those reads carries, and what an entry
   * must have reached to be used. (Taken at the start of a request whose pipeline uses the cache.)
   */
  sequence(): MaybePromise<number>;
  /** Counts one store operation against `max_io_ops_per_request`. Records and Blobs count theirs themselves. */
  countIo(): void;
  /**
   * Does the work when nobody else of this process does work under the same key: first come, first served. Fails with the signal's reason
   * while it waits, and with INTERNAL inside a transaction and inside other exclusive work, where waiting could end in waiting for each other.
   */
  exclusive<T>(key: string, work: () => MaybePromise<T>): Promise<T>;
  /** Checks the synchronous time used so far (CPU_LIMIT); called between steps and between the rounds of a loop. */
  checkCpu(): void;
  /** The sequence is about to wait, or goes on: time spent waiting does not count. Both are idempotent. `site` names the step that was waited for. */
  suspend(): void;
  resume(site?: string): void;
  /** Runs when the request is over: its response was sent, or it failed. For bytes that nobody read. Must not throw. */
  atEnd(action: () => void): void;
  /** Seals and opens cursors (signed; fails with CURSOR_INVALID). `purpose` ties a cursor to its list. */
  sealCursor(purpose: string, position: Json): string;
  openCursor(purpose: string, cursor: string): Json;
}

export interface DetachedSession {
  readonly session: Session;
  readonly principal: PrincipalView;
  /** To be called when the work is done. */
  end(): void;
}

/** An answer that was built from one version of a record. */
export interface Built {
  /** Of the record, which was the same before and after. Null: it changed again and again, or is gone, so that nobody else gets this answer. */
  readonly version: number | null;
  readonly draft: ResponseDraft;
}

/**
 * Records as a pipeline sees them: through the open transaction, where there is one (reads see its writes and are noted as checks),
 * and through `visible_when` unless `asRegistry`.
 */
export interface Records {
  get(document: DocumentPlan, key: string, asRegistry?: boolean): MaybePromise<StoredValue | null>;
  getMany(
    document: DocumentPlan,
    keys: readonly string[],
    asRegistry?: boolean,
  ): MaybePromise<readonly (StoredValue | null)[]>;
  /** `prefix` and `after` are encoded keys. */
  list(
    document: DocumentPlan,
    prefix: string,
    after: string | null,
    limit: number,
    asRegistry?: boolean,
  ): MaybePromise<RecordPage>;
  query(index: IndexPlan, query: RecordQuery, asRegistry?: boolean): MaybePromise<RecordPage>;
  count(index: IndexPlan, where: readonly Filter[], asRegistry?: boolean): MaybePromise<number>;
  /** Never inside a transaction: its commit could not prove what was found. */
  search(index: IndexPlan, query: TextQuery, asRegistry?: boolean): Promise<FoundPage>;
  /** Buffers a write; the document is checked against its schema and size. `value` is plain, a StoredValue, or a handle's plain form. */
  put(
    document: DocumentPlan,
    key: string,
    value: unknown,
    options?: { readonly ttlSeconds?: number | null },
  ): MaybePromise<void>;
  delete(document: DocumentPlan, key: string): void;
  /** Buffers an event. */
  emit(type: string, payload: unknown): void;
}

export interface RecordQuery {
  readonly where: readonly Filter[];
  readonly order: readonly { readonly column: string; readonly descending: boolean }[];
  readonly limit: number;
  readonly cursor: string | null;
  /** False: the page's `next` is not asked for. True when left out. */
  readonly wantsNext?: boolean;
}

export interface RecordPage {
  readonly records: readonly StoredValue[];
  /** Opaque; null when there are no more. For lists: the encoded key to go on after. */
  readonly next: string | null;
}

/** What somebody looks for in the texts of an index. Where nothing has the words, those that resemble them are looked for. */
export interface TextQuery {
  readonly text: string;
  readonly where: readonly Filter[];
  readonly limit: number;
  readonly cursor: string | null;
  /** Whether all that is found is counted. */
  readonly wantsTotal: boolean;
  /** Columns and list columns whose values are counted over all that is found. */
  readonly facets: readonly string[];
  /** What stands before and after each word that was looked for; null where nobody wants to see the texts. See `snippetOf`. */
  readonly highlight: { readonly before: string; readonly after: string } | null;
}

export interface FoundPage extends RecordPage {
  /** By record, in weights. */
  readonly scores: readonly number[];
  /** By record, the place of each text where the words stand, or its beginning; null for no text. Empty unless asked for. */
  readonly highlights: readonly Readonly<Record<string, string | null>>[];
  /** Null unless asked for. */
  readonly total: number | null;
  readonly facets: Readonly<Record<string, readonly FacetCount[]>>;
  /** By word looked for, folded, the words taken for it, where nothing had it; null where something had all of them. */
  readonly similar: Readonly<Record<string, readonly string[]>> | null;
}

/** Blobs as a pipeline sees them. Leases of what was put are settled by the commit and ended with the request. */
export interface Blobs {
  /**
   * A source that is no handle is read once, at the store's pace. Bytes that are all there are made durable behind the steps that follow; the
   * commit waits for it, and so does the response, and both fail as the store does.
   */
  put(
    store: string,
    source: ByteHandle | AsyncIterable<Uint8Array> | Uint8Array,
    options: BlobPutOptions,
  ): Promise<ByteHandle>;
  /** A handle that opens lazily. With a known size nothing is read now; without, the store is asked, and an absent blob is null. */
  get(
    store: string,
    digest: string,
    known: { readonly size: number | null; readonly mediaType: string | null },
  ): MaybePromise<ByteHandle | null>;
  stat(store: string, digest: string): MaybePromise<{ readonly digest: string; readonly size: number } | null>;
  /** Whether this request put content with this digest, of whichever algorithm was taken. */
  wasPut(digest: string): boolean;
}

export interface BlobPutOptions {
  readonly algorithms: readonly DigestAlgorithm[];
  readonly expectDigest: string | null;
  readonly expectSize: number | null;
  readonly maxBytes: number | null;
  readonly mediaType: string | null;
  /** For those who read along; see the store's `put`. */
  readonly onGrowth?: PutOptions['onGrowth'];
}

/** Users and tokens as a pipeline reaches them; they are no documents, and no transaction holds them back. */
export interface SessionIdentity {
  /**
   * Who has this name and password. Failures are counted by name and by the client's address, as those of every login are.
   * Fails with INVALID_CREDENTIALS, whatever is wrong, and with RATE_LIMITED.
   */
  authenticate(username: string, password: string, address: string): Promise<PrincipalView>;
  /** Whether somebody may come under this name: there is such a user, and it is not disabled. */
  hasUser(username: string): Promise<boolean>;
  /** Whether a value is a principal that was let in. What looks like one, as a client can send it, is none. */
  isPrincipal(value: unknown): value is PrincipalView;
  /** Fails with VALUE_INVALID, FORBIDDEN (a session for who came with a token) or NOT_FOUND (a principal without a user). */
  issueToken(principal: PrincipalView, wanted: TokenRequest): Promise<JsonObject>;
  /** Tokens that are valid, oldest first. `after` is the `next` of the page before; CURSOR_INVALID where it is no such thing. */
  listTokens(
    principal: PrincipalView,
    after: Json,
    limit: number,
  ): Promise<{ readonly tokens: readonly JsonObject[]; readonly next: Json }>;
  /** By the token's text or id. False where there is none that is valid, or it is somebody else's and the principal no administrator. */
  revokeToken(principal: PrincipalView, textOrId: string): Promise<boolean>;
}

export interface TokenRequest {
  readonly name: string;
  /** Null: all that the principal has. */
  readonly scopes: readonly string[] | null;
  /** Milliseconds since the epoch; null: never, and of a session when a login ends. */
  readonly expiresAt: number | null;
  /** It ends when the password changes, too. */
  readonly session: boolean;
}

/** A document type, resolved. */
export interface DocumentPlan {
  readonly name: string;
  readonly store: string;
  /** Parts of a key by name; segments encoded. Fails with VALUE_MISSING on an absent part that is not optional. */
  encodeKey(parts: Readonly<Record<string, unknown>>): string;
  /** An already encoded key as a document may hold it: returned when it fits the template, else VALUE_INVALID. */
  checkKey(key: string): string;
  /** The encoded prefix for the leading parts given, in the template's order; ends with a separator. */
  encodePrefix(parts: Readonly<Record<string, unknown>>): string;
  /** The parts of an encoded key. */
  decodeKey(key: string): Record<string, string | null>;
  readonly parts: readonly string[];
  readonly indexes: readonly IndexPlan[];
}

/** A declared index, resolved. */
export interface IndexPlan {
  readonly name: string;
  readonly document: DocumentPlan;
  readonly manual: boolean;
  readonly spec: IndexSpec;
  /** The column that sorts a field: `version` sorts by the column of its ordering. */
  sortColumn(field: string): string;
  /** Turns a value of a field into what its column holds. */
  readonly keys: readonly { readonly name: string; readonly fields: readonly string[] }[];
  /** What a document has in the index; null when it is not in it. */
  row(value: unknown): MaybePromise<IndexRow | null>;
}

/** A response as a pipeline gives it. The engine adds HTTP: ETag, conditions, ranges, HEAD, lengths. */
export interface ResponseDraft {
  readonly status: number;
  /** In order; several values of one name are several entries. Names as written. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ResponseBody;
  /** Strong entity tag without quotes, or null. Set by operations that know one: a blob's digest, a record's version. */
  readonly etag: string | null;
}

export type ResponseBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A document made ready before: as it is, and as gzip where that pays. */
  | { readonly kind: 'kept'; readonly plain: Uint8Array; readonly gzip: Uint8Array | null }
  /** Sent without content coding; ranges are answered where it can be opened again. */
  | { readonly kind: 'handle'; readonly handle: ByteHandle };
