import type { Definition, ErrorEntryDefinition } from '../definition/types.ts';
import { ERROR_CODES } from '../errors/codes.ts';
import type { RegistryError } from '../errors/registry-error.ts';
import type { Frame, Prelude } from '../language/frame.ts';
import { writeJson } from '../language/json.ts';
import { compileTemplate, compileText, parseTemplate } from '../language/template.ts';
import { runPreludes } from '../language/template-text.ts';
import { whenReady } from '../shared/maybe-promise.ts';
import type { ResponseDraft, Run, Session } from './contract.ts';
import { type ErrorView, errorView } from './error-view.ts';
import { PipelineScope } from './scope.ts';
import { encodeHeader } from './text-encoding.ts';

/** Turns an error into the response that clients of a pack understand. */
export interface ErrorTable {
  respond(error: RegistryError, frame: Omit<Run, 'slots'>): ResponseDraft | Promise<ResponseDraft>;
}

interface CompiledEntry {
  readonly status: number | null;
  readonly headers: readonly { readonly name: string; readonly evaluate: (frame: Frame) => string | null }[];
  readonly body: ((frame: Frame) => unknown) | null;
  readonly preludes: readonly Prelude[];
  readonly slotCount: number;
}

/** Slot of `error` in the templates of a table. */
const ERROR_SLOT = 0;

export interface ErrorTables {
  /** The table of the pack with the longest mount that begins the path; that of `schema.json` where none does. */
  forPath(path: string): ErrorTable;
  forPack(pack: string | null): ErrorTable;
  /** The engine's own bodies: for when a table fails. */
  readonly plain: ErrorTable;
}

type CompiledEntries = ReadonlyMap<string, CompiledEntry>;

export function compileErrorTables(definition: Definition): ErrorTables {
  const common = compileEntries(definition.errors);
  const own = errorTable([common], DEFAULT_CHALLENGE);
  const packs = new Map(
    definition.packs.map(({ name, errors, challenge }) => [
      name,
      errorTable([compileEntries(errors), common], challenge.length > 0 ? challenge : DEFAULT_CHALLENGE),
    ]),
  );
  const mounts = definition.packs
    .flatMap((pack) => pack.mounts.map((mount) => ({ mount, pack: pack.name })))
    .sort((a, b) => b.mount.length - a.mount.length);
  return {
    forPath(path) {
      const found = mounts.find(({ mount }) => mount === '' || path === mount || path.startsWith(`${mount}/`));
      return found === undefined ? own : (packs.get(found.pack) ?? own);
    },
    forPack: (pack) => (pack === null ? own : (packs.get(pack) ?? own)),
    plain: errorTable([], DEFAULT_CHALLENGE),
  };
}

/** The first table with an entry for the code or for `*` answers; the engine's own body where none has one. */
function errorTable(tables: readonly CompiledEntries[], challenges: readonly string[]): ErrorTable {
  const challenge = compileChallenge(challenges);
  const entryOf = (code: string) => {
    for (const entries of tables) {
      const entry = entries.get(code) ?? entries.get('*');
      if (entry !== undefined) return entry;
    }
    return NO_ENTRY;
  };
  return {
    respond(error, frame) {
      const entry = entryOf(error.code);
      const view = errorView(error, frame.session);
      const status = entry.status ?? error.status;
      const challenging = status === 401 && !entry.headers.some(({ name }) => name.toLowerCase() === CHALLENGE_HEADER);
      const full = (slotCount: number): Frame => {
        const slots: unknown[] = new Array(slotCount).fill(null);
        slots[ERROR_SLOT] = shown(view, error);
        return { ...spread(frame), slots };
      };
      const own = full(entry.slotCount);
      const theirs = challenging ? full(challenge.slotCount) : own;
      const build = (): ResponseDraft => {
        const headers: [string, string][] = Object.entries(error.headers);
        if (challenging) headers.push(...evaluateHeaders(challenge, theirs));
        headers.push(...evaluateHeaders(entry, own));
        const body = entry.body === null ? defaultBody(view, error, status) : entry.body(own);
        if (!headers.some(([name]) => name.toLowerCase() === 'content-type'))
          headers.push(['Content-Type', 'application/json']);
        return {
          status,
          headers,
          body: { kind: 'text', text: typeof body === 'string' ? body : writeJson(body) },
          etag: null,
        };
      };
      return whenReady(runPreludes(entry.preludes, own), () =>
        challenging ? whenReady(runPreludes(challenge.preludes, theirs), build) : build(),
      );
    },
  };
}

function evaluateHeaders({ headers }: Pick<CompiledEntry, 'headers'>, frame: Frame): [string, string][] {
  const pairs: [string, string][] = [];
  for (const { name, evaluate } of headers) {
    const value = evaluate(frame);
    if (value !== null) pairs.push([name, value]);
  }
  return pairs;
}

const CHALLENGE_HEADER = 'www-authenticate';
const DEFAULT_CHALLENGE = ['Bearer realm="{request.base_url}"', 'Basic realm="registry"'];
const NO_ENTRY: CompiledEntry = Object.freeze({ status: null, headers: [], body: null, preludes: [], slotCount: 1 });

function compileEntries(entries: Readonly<Record<string, ErrorEntryDefinition>>): CompiledEntries {
  return new Map(Object.entries(entries).map(([code, entry]) => [code, compileEntry(entry)]));
}

/** The challenges of a 401 as an entry that has nothing but these headers. */
function compileChallenge(texts: readonly string[]): Pick<CompiledEntry, 'headers' | 'preludes' | 'slotCount'> {
  const scope = errorScope();
  const compiled = texts.map((text) => compileText(parseTemplate(text), scope, encodeHeader));
  return {
    headers: compiled.map(({ evaluate }) => ({ name: 'WWW-Authenticate', evaluate })),
    preludes: compiled.flatMap(({ prelude }) => (prelude === null ? [] : [prelude])),
    slotCount: scope.size,
  };
}

function errorScope(): PipelineScope {
  const scope = new PipelineScope();
  scope.bind('error');
  return scope;
}

function compileEntry(entry: ErrorEntryDefinition): CompiledEntry {
  const scope = errorScope();
  const preludes: Prelude[] = [];
  const headers = Object.entries(entry.headers).flatMap(([name, json]) =>
    (Array.isArray(json) ? json : [json]).map((value) => {
      const { evaluate, prelude } = compileText(parseTemplate(value), scope, encodeHeader);
      if (prelude !== null) preludes.push(prelude);
      return { name, evaluate };
    }),
  );
  let body: CompiledEntry['body'] = null;
  if (entry.body !== null) {
    const template = compileTemplate(parseTemplate(entry.body), scope);
    if (template.prelude !== null) preludes.push(template.prelude);
    body = template.evaluate;
  }
  return { status: entry.status, headers, body, preludes, slotCount: scope.size };
}

/** A 5xx tells a code and an incident id, and the table's own sentence: what went wrong inside stays in the log. */
function shown(view: ErrorView, error: RegistryError): ErrorView {
  if (error.status < 500) return view;
  const sentence = Object.hasOwn(ERROR_CODES, error.code)
    ? ERROR_CODES[error.code as keyof typeof ERROR_CODES].message
    : error.message;
  return { ...view, message: sentence, details: null, step: null };
}

function defaultBody(view: ErrorView, error: RegistryError, status: number): unknown {
  const { code, message, details, request_id } = shown(view, error);
  return { error: { code, message, ...(details !== null && status < 500 ? { details } : {}), request_id } };
}

function spread(frame: Omit<Run, 'slots'>): Omit<Frame, 'slots'> & { session: Session } {
  const { request, principal, route, registry, env, session } = frame;
  return { request, principal, route, registry, env, session };
}
