import { join, resolve } from 'node:path';
import type { GuardedUpstream } from './adapters/guards/upstream.ts';
import type { FileSource } from './definition/file-source.ts';
import type { Finding } from './definition/findings.ts';
import { type Loaded, loadDefinition } from './definition/load.ts';
import { loadVocabulary } from './definition/load-vocabulary.ts';
import type { Definition } from './definition/types.ts';
import type { Vocabulary } from './definition/vocabulary.ts';
import { type Counted, counted, createDoor } from './door.ts';
import { compile, type Plan } from './engine/compile.ts';
import type { OperationHandler } from './engine/contract.ts';
import { createEngine } from './engine/engine.ts';
import type { Authenticate, EngineRequest, EngineResponse, Served } from './engine/exchange.ts';
import type { Fills } from './engine/fills.ts';
import type { EngineLog, EngineRuntime } from './engine/runtime.ts';
import type { StepWatch } from './engine/watch.ts';
import { fail, toRegistryError } from './errors/registry-error.ts';
import type { Identity } from './identity/identity.ts';
import { identityOf } from './identity-of.ts';
import { openPorts, openUpstreams, type PartHealth, type PartStats, type Ports } from './open-ports.ts';
import { openRecordStore } from './open-record-store.ts';
import { HANDLERS } from './operations/index.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { IndexProgress, RecordStore } from './ports/record-store.ts';
import { changesCollections, whyNotInPlace } from './replacement.ts';
import { requireShared } from './require-shared.ts';
import { sessionIdentity } from './session-identity.ts';
import { type Clock, systemClock } from './shared/clock.ts';
import type { MaybePromise } from './shared/maybe-promise.ts';
import { packageFolder } from './shared/package-folder.ts';
import type { Peers } from './shared/peers.ts';
import { STORE_ENV, withStore } from './store-choice.ts';

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
  /** The kind, or the place, of all record stores, in place of what the definition says (see `STORE_FORMS`). */
  readonly store?: string | null;
  /** How long to wait for a database that cannot be reached at first, and who is told why; default: not at all. */
  readonly waitMs?: number;
  readonly onWaiting?: (reason: string) => void;
  /** Told how far indexes are built. */
  readonly onIndexing?: (progress: IndexProgress) => void;
  /** Stores have no threads of their own: for short work, such as tests and commands, that nobody waits beside. */
  readonly inline?: boolean;
  /** Keeps everything in memory, whatever the definition says: for tests and trials. */
  readonly memory?: boolean;
  /** Where the definition's files are read; the disk by default. */
  readonly files?: FileSource;
  /** Other processes that serve the same registry at the same time; all stores must be such that they can be shared. */
  readonly peers?: Peers;
  /** Whether what is to be done now and then, such as sweeping, is done here; true by default. Of several processes one is enough. */
  readonly duties?: boolean;
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
  /**
   * Puts another checked definition in the place of this one: requests under way finish on the old one, later ones run on the new
   * one, and none fails. Stores are brought to what it asks, additively. Gives the reason, a sentence, where it cannot take the
   * place: then all stays as it was.
   */
  replace(definition: Definition): Promise<string | null>;
  /** Waits for work in flight, then closes the stores. Idempotent. */
  close(): Promise<void>;
}

/** Reads the definition, checks it, and reports what it found; nothing is opened. */
export async function checkRegistry(path: string): Promise<readonly Finding[]> {
  return (await readDefinition(path)).findings;
}

/** Reads and checks a definition by the vocabulary that comes with this package. */
export async function readDefinition(path: string): Promise<Loaded> {
  return loadDefinition(resolve(path), await vocabulary());
}

/** Loads, checks, compiles and opens a registry. A definition with errors is not opened. */
export async function openRegistry(options: RegistryOptions): Promise<OpenResult> {
  const words = await vocabulary();
  const { definition, findings } = await loadDefinition(resolve(options.registry), words, { files: options.files });
  if (definition === null) return { ok: false, findings };
  return { ok: true, registry: await openDefinition(definition, words, options), findings };
}

/** What tests put in place of the real parts, to hold a step or to inject a fault. */
export interface Seams {
  readonly handlers?: ReadonlyMap<string, OperationHandler>;
  readonly openRecordStore?: typeof openRecordStore;
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
  const log = engineLog(options.log);
  const store = options.store ?? null;
  const prepare = (wanted: Definition): Prepared =>
    prepareDefinition(withStore(wanted, store), words, options, seams, clock);
  const prepared = prepare(definition);
  if (options.peers !== undefined) requireShared(prepared.plan.definition);
  const env = options.env ?? process.env;
  const ports = await openPorts({
    definition: prepared.plan.definition,
    plan: prepared.plan,
    data: resolve(options.data),
    clock,
    log,
    memory: options.memory ?? false,
    inline: options.inline ?? false,
    duties: options.duties ?? true,
    waitMs: options.waitMs ?? 0,
    onWaiting: options.onWaiting ?? (() => {}),
    onIndexing: options.onIndexing ?? (() => {}),
    env: store === null ? env : { ...env, [STORE_ENV]: store },
    openRecordStore: seams.openRecordStore ?? openRecordStore,
    wrapRecordStore: seams.wrapRecordStore ?? ((store) => store),
    wrapBlobStore: seams.wrapBlobStore,
  });
  const start = async (wanted: Prepared, runtime: EngineRuntime): Promise<Live> => {
    const { plan, env } = wanted;
    const identity = await identityOf(plan.definition, ports.identityStore, clock, options.peers);
    const authenticate = seams.authenticate ?? identity.authenticate;
    const { handle } = createEngine({
      plan,
      runtime,
      authenticate,
      identity: sessionIdentity(identity),
      env,
      onServed: options.onServed,
    });
    return { ...wanted, identity, requests: counted(handle), fills: runtime.fills };
  };
  try {
    const live = await start(prepared, ports.runtime);
    const admin = await live.identity.ensureAdmin({ password: options.adminPassword ?? null });
    return serving(live, ports, admin.generatedPassword, { prepare, start });
  } catch (error) {
    await ports.close();
    throw error;
  }
}

/** A definition compiled, with what it reaches out to. */
interface Prepared {
  readonly plan: Plan;
  readonly env: Readonly<Record<string, string | null>>;
  readonly upstreams: readonly GuardedUpstream[];
}

/** A definition at work. */
interface Live extends Prepared {
  readonly identity: Identity;
  readonly requests: Counted<EngineRequest, EngineResponse>;
  readonly fills: Fills;
}

function prepareDefinition(
  definition: Definition,
  words: Vocabulary,
  options: Omit<RegistryOptions, 'registry'>,
  seams: Seams,
  clock: Clock,
): Prepared {
  const environment = options.env ?? process.env;
  const env = Object.freeze(Object.fromEntries(definition.env.map((name) => [name, environment[name] ?? null])));
  const upstreams = openUpstreams(definition, environment, env, clock);
  const handlers = seams.handlers ?? HANDLERS;
  const plan = compile({ definition, vocabulary: words, handlers, upstreams, watch: options.watch ?? null });
  return { plan, env, upstreams: [...upstreams.values()] };
}

interface Makers {
  prepare(definition: Definition): Prepared;
  start(prepared: Prepared, runtime: EngineRuntime): Promise<Live>;
}

/** How long a definition that changes indexes in use waits for requests on the one before. */
const PATIENCE_MS = 10_000;

const BUSY = 'Indexes have changed, and requests on the definition before are still under way: try again';

async function endOf({ requests, fills, upstreams }: Live): Promise<void> {
  await requests.whenIdle();
  await fills.whenIdle();
  await Promise.all(upstreams.map((upstream) => upstream.close()));
}

function serving(first: Live, ports: Ports, generatedAdminPassword: string | null, makers: Makers): Registry {
  const door = createDoor();
  let live = first;
  let closed: Promise<void> | null = null;
  let last: Promise<unknown> = Promise.resolve();
  /** Definitions that were replaced, with their ends: of their requests, then of their upstreams. */
  const ending = new Map<Live, Promise<void>>();

  function handle(request: EngineRequest): MaybePromise<EngineResponse> {
    return door.shut === null ? live.requests.run(request) : door.shut.then(() => handle(request));
  }

  const close = async () => {
    await last;
    const all = [live, ...ending.keys()];
    await Promise.all(all.map(({ requests }) => requests.whenIdle()));
    // Fetching a large file may take longer than anybody waits for a server to stop.
    for (const { fills } of all) fills.stop();
    await Promise.all([...ending.values(), endOf(live)]);
    await ports.close();
  };

  async function swap(prepared: Prepared): Promise<void> {
    const old = live;
    live = await makers.start(prepared, await ports.adopt(prepared.plan));
    ending.set(
      old,
      endOf(old).finally(() => ending.delete(old)),
    );
  }

  async function replace(definition: Definition): Promise<string | null> {
    if (closed !== null) return 'The registry is closing';
    const prepared = makers.prepare(definition);
    try {
      const reason = whyNotInPlace(live.plan.definition, prepared.plan.definition);
      if (reason !== null) fail('CONFLICT', reason);
      if (!changesCollections(live.plan, prepared.plan)) await swap(prepared);
      else {
        const whenEmpty = Promise.all([...ending.values(), live.requests.whenIdle(), live.fills.whenIdle()]);
        if ((await door.alone(whenEmpty, () => swap(prepared), PATIENCE_MS)) === 'busy') fail('CONFLICT', BUSY);
      }
      return null;
    } catch (thrown) {
      await Promise.all(prepared.upstreams.map((upstream) => upstream.close()));
      return toRegistryError(thrown).message;
    }
  }

  return {
    get definition() {
      return live.plan.definition;
    },
    get identity() {
      return live.identity;
    },
    generatedAdminPassword,
    handle,
    get runtime() {
      return ports.runtime;
    },
    replace(definition) {
      const replaced = last.then(() => replace(definition));
      last = replaced.catch(() => undefined);
      return replaced;
    },
    stats: () => [
      ...ports.stats(),
      ...live.upstreams.map(({ name, stats }) => ({ kind: 'upstream' as const, name, calls: stats() })),
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
