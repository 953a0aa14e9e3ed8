import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GuardedUpstream } from './adapters/guards/upstream.ts';
import type { Finding } from './definition/findings.ts';
import { loadDefinition } from './definition/load.ts';
import { loadVocabulary } from './definition/load-vocabulary.ts';
import type { Definition } from './definition/types.ts';
import type { Vocabulary } from './definition/vocabulary.ts';
import { compile } from './engine/compile.ts';
import type { OperationHandler } from './engine/contract.ts';
import { createEngine } from './engine/engine.ts';
import type { Authenticate, EngineRequest, EngineResponse, Served } from './engine/exchange.ts';
import type { EngineLog, EngineRuntime } from './engine/runtime.ts';
import type { StepWatch } from './engine/watch.ts';
import type { Identity } from './identity/identity.ts';
import { identityOf } from './identity-of.ts';
import { openPorts, openUpstreams, type PartHealth, type PartStats, type Ports } from './open-ports.ts';
import { HANDLERS } from './operations/index.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { RecordStore } from './ports/record-store.ts';
import { type Clock, systemClock } from './shared/clock.ts';
import type { MaybePromise } from './shared/maybe-promise.ts';

/** Where trouble is reported; a pino logger fits. */
export interface Logger {
  error(entry: object, message: string): void;
  warn(entry: object, message: string): void;
}

export interface RegistryOptions {
  /** A folder with `schema.json`, or one file. */
  readonly registry: string;
  /** The data folder; made when it is not there. */
  readonly data: string;
  /** Password of `admin`, whom the first start makes; without it one is made up. */
  readonly adminPassword?: string | null;
  /** Values of the variables that the definition declares; `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Keeps everything in memory, whatever the definition says: for tests and trials. */
  readonly memory?: boolean;
  /** Looks on as steps run. */
  readonly watch?: StepWatch;
  /** Told of every request when its response is ready; must not throw. */
  readonly onServed?: (served: Served) => void;
}

export type OpenResult =
  | { readonly ok: true; readonly registry: Registry; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** A registry at work. */
export interface Registry {
  readonly definition: Definition;
  readonly identity: Identity;
  /** Of `admin`, where this start made that user and no password was given; null otherwise. */
  readonly generatedAdminPassword: string | null;
  /** Never fails: every error becomes a response. */
  handle(request: EngineRequest): MaybePromise<EngineResponse>;
  /** What requests run on; for tests and the CLI, which look at stores directly. */
  readonly runtime: EngineRuntime;
  /** What the stores, the cache and the upstreams were asked so far. */
  stats(): readonly PartStats[];
  /** Removes expired records, and blobs that no record names, now. */
  sweep(): Promise<void>;
  health(): Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, PartHealth>> }>;
  /** Waits for work in flight, then closes the stores. Idempotent. */
  close(): Promise<void>;
}

/** Reads the definition, checks it, and reports what it found; nothing is opened. */
export async function checkRegistry(path: string): Promise<readonly Finding[]> {
  return (await loadDefinition(resolve(path), await vocabulary())).findings;
}

/** Loads, checks, compiles and opens a registry. A definition with errors is not opened. */
export async function openRegistry(options: RegistryOptions): Promise<OpenResult> {
  const words = await vocabulary();
  const { definition, findings } = await loadDefinition(resolve(options.registry), words);
  if (definition === null) return { ok: false, findings };
  return { ok: true, registry: await openDefinition(definition, words, options), findings };
}

/** What tests put in place of the real parts, to hold a step or to inject a fault. */
export interface Seams {
  readonly handlers?: ReadonlyMap<string, OperationHandler>;
  readonly wrapRecordStore?: (store: RecordStore, name: string) => RecordStore;
  readonly wrapBlobStore?: (store: BlobStore, name: string) => BlobStore;
  readonly authenticate?: Authenticate;
}

/** Opens a definition that is loaded already. */
export async function openDefinition(
  definition: Definition,
  words: Vocabulary,
  options: Omit<RegistryOptions, 'registry'>,
  seams: Seams = {},
): Promise<Registry> {
  const clock = options.clock ?? systemClock;
  const environment = options.env ?? process.env;
  const env = Object.freeze(Object.fromEntries(definition.env.map((name) => [name, environment[name] ?? null])));
  const log = engineLog(options.log);
  const upstreams = openUpstreams(definition, environment, env, clock);
  const plan = compile({
    definition,
    vocabulary: words,
    handlers: seams.handlers ?? HANDLERS,
    upstreams,
    watch: options.watch ?? null,
  });
  const ports = await openPorts({
    definition,
    plan,
    data: resolve(options.data),
    clock,
    log,
    memory: options.memory ?? false,
    wrapRecordStore: seams.wrapRecordStore ?? ((store) => store),
    wrapBlobStore: seams.wrapBlobStore,
  });
  try {
    const identity = await identityOf(definition, ports.identityStore, clock);
    const admin = await identity.ensureAdmin({ password: options.adminPassword ?? null });
    const engine = createEngine({
      plan,
      runtime: ports.runtime,
      authenticate: seams.authenticate ?? identity.authenticate,
      env,
      onServed: options.onServed,
    });
    return serving(definition, engine.handle, identity, admin.generatedPassword, ports, [...upstreams.values()]);
  } catch (error) {
    await ports.close();
    throw error;
  }
}

function serving(
  definition: Definition,
  handle: (request: EngineRequest) => MaybePromise<EngineResponse>,
  identity: Identity,
  generatedAdminPassword: string | null,
  ports: Ports,
  upstreams: readonly GuardedUpstream[],
): Registry {
  let active = 0;
  let idle: (() => void) | null = null;
  let closed: Promise<void> | null = null;
  const done = () => {
    active--;
    if (active === 0) idle?.();
  };
  const close = async () => {
    if (active > 0) {
      await new Promise<void>((resolved) => {
        idle = resolved;
      });
    }
    await Promise.all(upstreams.map((upstream) => upstream.close()));
    await ports.close();
  };
  return {
    definition,
    identity,
    generatedAdminPassword,
    handle(request) {
      active++;
      const response = handle(request);
      if (response instanceof Promise) return response.finally(done);
      done();
      return response;
    },
    runtime: ports.runtime,
    stats: () => [
      ...ports.stats(),
      ...upstreams.map(({ name, stats }) => ({ kind: 'upstream' as const, name, calls: stats() })),
    ],
    sweep: ports.sweep,
    health: ports.health,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

let words: Promise<Vocabulary> | null = null;

/** The vocabulary that comes with this package; read once. */
export function vocabulary(): Promise<Vocabulary> {
  words ??= loadVocabulary(join(packageFolder(), 'operations'));
  return words;
}

/** The folder that holds `operations/` and `schema.json`: above `src/` in a checkout, above `dist/` in an installed package. */
export function packageFolder(): string {
  return fileURLToPath(new URL('..', import.meta.url));
}

function engineLog(log: Logger | undefined): EngineLog {
  return {
    failure({ requestId, routeId, error }) {
      log?.error(
        { request_id: requestId, route: routeId, step: error.step, code: error.code, err: error },
        error.message,
      );
    },
    warning(message, cause) {
      log?.warn({ err: cause }, message);
    },
  };
}
