import type { Definition, ErrorEntryDefinition } from '../definition/types.ts';
import { ERROR_CODES } from '../errors/codes.ts';
import type { RegistryError } from '../errors/registry-error.ts';
import type { Frame, Prelude } from '../language/frame.ts';
import { writeJson } from '../language/json.ts';
import { compileTemplate, compileText, parseTemplate } from '../language/template.ts';
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
}

export function compileErrorTables(definition: Definition): ErrorTables {
  const own = compileTable(definition.errors, []);
  const packs = new Map(definition.packs.map((pack) => [pack.name, compileTable(pack.errors, pack.challenge, own)]));
  const mounts = definition.packs
    .flatMap((pack) => pack.mounts.map((mount) => ({ mount, pack: pack.name })))
    .sort((a, b) => b.mount.length - a.mount.length);
  return {
    forPath(path) {
      const found = mounts.find(({ mount }) => mount === '' || path === mount || path.startsWith(`${mount}/`));
      return found === undefined ? own : (packs.get(found.pack) ?? own);
    },
    forPack: (pack) => (pack === null ? own : (packs.get(pack) ?? own)),
  };
}

function compileTable(
  entries: Readonly<Record<string, ErrorEntryDefinition>>,
  challenge: readonly string[],
  around: ErrorTable | null = null,
): ErrorTable {
  const compiled = new Map(Object.entries(entries).map(([code, entry]) => [code, compileEntry(entry)]));
  const scope = new PipelineScope();
  const challenges = (challenge.length > 0 ? challenge : DEFAULT_CHALLENGE).map((text) =>
    compileText(parseTemplate(text), scope, encodeHeader),
  );
  return {
    respond(error, frame) {
      const entry = compiled.get(error.code) ?? compiled.get('*');
      if (entry === undefined && around !== null && challenge.length === 0) return around.respond(error, frame);
      const view = errorView(error, frame.session);
      const slots: unknown[] = new Array((entry?.slotCount ?? 0) + 1).fill(null);
      slots[ERROR_SLOT] = shown(view, error);
      const full: Frame = { ...spread(frame), slots };
      const build = (): ResponseDraft => {
        const headers: [string, string][] = Object.entries(error.headers);
        const status = entry?.status ?? error.status;
        if (status === 401)
          for (const text of challenges) headers.push(['WWW-Authenticate', text.evaluate(full) ?? '']);
        for (const { name, evaluate } of entry?.headers ?? []) {
          const value = evaluate(full);
          if (value !== null) headers.push([name, value]);
        }
        const body = entry?.body == null ? defaultBody(view, error, status) : entry.body(full);
        if (!headers.some(([name]) => name.toLowerCase() === 'content-type'))
          headers.push(['Content-Type', 'application/json']);
        return {
          status,
          headers,
          body: { kind: 'text', text: typeof body === 'string' ? body : writeJson(body) },
          etag: null,
        };
      };
      if (entry === undefined || entry.preludes.length === 0) return build();
      return (async () => {
        for (const prelude of entry.preludes) await prelude(full);
        return build();
      })();
    },
  };
}

const DEFAULT_CHALLENGE = ['Bearer realm="{request.base_url}"', 'Basic realm="registry"'];

function compileEntry(entry: ErrorEntryDefinition): CompiledEntry {
  const scope = new PipelineScope();
  scope.bind('error');
  const preludes: Prelude[] = [];
  const headers = Object.entries(entry.headers).map(([name, json]) => {
    const { evaluate, prelude } = compileText(parseTemplate(json), scope, encodeHeader);
    if (prelude !== null) preludes.push(prelude);
    return { name, evaluate };
  });
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
