import { isDeepStrictEqual } from 'node:util';
import { createMemoryFront } from './adapters/blob-store/memory-front.ts';
import { openObjectCache } from './adapters/cache/objects.ts';
import type { CallStats } from './adapters/guards/call-meter.ts';
import type { GuardedUpstream } from './adapters/guards/upstream.ts';
import { caches, upstreamClients } from './adapters/index.ts';
import type { Definition, KvStoreDefinition, UpstreamDefinition } from './definition/types.ts';
import type { Plan } from './engine/compile.ts';
import { blobIndexName } from './engine/documents.ts';
import { Fills } from './engine/fills.ts';
import { recordFrame } from './engine/record-frame.ts';
import { Representations } from './engine/representations.ts';
import { ResponseCache } from './engine/response-cache.ts';
import type { EngineLog, EngineRuntime } from './engine/runtime.ts';
import { createTurns } from './engine/turns.ts';
import { ENGINE_COLLECTIONS, sharedSecret } from './engine-secrets.ts';
import { toRegistryError } from './errors/registry-error.ts';
import { IDENTITY_COLLECTIONS, projectIdentity } from './identity/collections.ts';
import { startExpirySweeper } from './jobs/expiry-sweeper.ts';
import { startLeaseSweeper } from './jobs/lease-sweeper.ts';
import { compileText, parseTemplate } from './language/template.ts';
import { openBlobStore } from './open-blob-store.ts';
import type { openRecordStore } from './open-record-store.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { CacheStats } from './ports/cache.ts';
import type { IndexProgress, RecordStore } from './ports/record-store.ts';
import type { UpstreamOptions } from './ports/upstream.ts';
import type { Clock } from './shared/clock.ts';
import type { MaybePromise } from './shared/maybe-promise.ts';

/** What a definition asks for of the outside world, opened. */
export interface Ports {
  /** What requests of the definition run on that was adopted last. */
  readonly runtime: EngineRuntime;
  /**
   * Brings the stores to what another plan asks and gives what its requests run on; the plan before may go on meanwhile. When it
   * fails, the stores are as they were for the plan before.
   */
  adopt(plan: Plan): Promise<EngineRuntime>;
  /** Where users and tokens are kept: the first record store. */
  readonly identityStore: RecordStore;
  /** Each store's state by its name. */
  health(): Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, PartHealth>> }>;
  stats(): readonly PartStats[];
  /** Removes expired records, and blobs that no record names, after waiting for what goes on beside requests. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface PartHealth {
  readonly ok: boolean;
  readonly latencyMs: number;
  readonly reason?: string;
}

/** What one store, cache or upstream was asked so far. */
export interface PartStats {
  readonly kind: 'record_store' | 'blob_store' | 'cache' | 'upstream';
  readonly name: string;
  /** By method; times in milliseconds. */
  readonly calls: Readonly<Record<string, CallStats>>;
  /** Of caches. */
  readonly cache?: CacheStats;
}

export interface PortsOptions {
  readonly definition: Definition;
  readonly plan: Plan;
  /** Absolute. */
  readonly data: string;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly memory: boolean;
  /** Stores have no threads of their own: for short work that nobody waits beside. */
  readonly inline: boolean;
  /** Whether this process sweeps now and then; where several have the stores, one is enough. */
  readonly duties: boolean;
  /** How long to wait for a database that cannot be reached, and who is told why. */
  readonly waitMs: number;
  readonly onWaiting: (reason: string) => void;
  /** Told how far indexes are built, at the start and when a definition takes another's place. */
  readonly onIndexing: (progress: IndexProgress) => void;
  /** Where URLs of servers, with their passwords, are. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly openRecordStore: typeof openRecordStore;
  readonly wrapRecordStore: (store: RecordStore, name: string) => RecordStore;
  readonly wrapBlobStore?: ((store: BlobStore, name: string) => BlobStore) | undefined;
}

const IN_MEMORY: KvStoreDefinition = { kind: 'memory', path: null, server: null };
const CURSOR_KEY = 'cursor-key';
const SWEEP_EVERY_MS = 60_000;
const CACHE_BYTES = 64 * 1024 * 1024;

/** Opens the stores, brings them to what the plan asks, and starts what runs beside requests. What was opened is closed when it fails. */
export async function openPorts(options: PortsOptions): Promise<Ports> {
  const { definition, data, clock, log, memory, inline, duties } = options;
  const records = new Map<string, RecordStore>();
  const blobs = new Map<string, BlobStore>();
  const measured: (() => PartStats)[] = [];
  const front = createMemoryFront(definition.caching.blobs);
  const openCache = () => caches.memory.open({ maxBytes: CACHE_BYTES, clock });
  let cache = openCache();
  const openResponses = ({ definition: { caching } }: Plan) =>
    caching.responses === null ? null : new ResponseCache(openObjectCache(CACHE_BYTES), caching.responses, clock);
  let responses = openResponses(options.plan);
  const openRepresentations = ({ definition: { caching } }: Plan) =>
    new Representations(openObjectCache(caching.representationBytes));
  let representations = openRepresentations(options.plan);
  let plan = options.plan;
  let settings = definition.caching.blobs;
  const closeAll = async () => {
    for (const store of blobs.values()) await store.close();
    for (const store of records.values()) await store.close();
    await cache.close();
  };
  try {
    const names = Object.keys(definition.kvStores);
    for (const name of names) {
      const declared = memory ? IN_MEMORY : definition.kvStores[name]!;
      const guarded = options.openRecordStore(name, declared, { data, env: options.env, clock, inline });
      measured.push(() => ({ kind: 'record_store', name, calls: guarded.stats() }));
      const store = options.wrapRecordStore(guarded, name);
      records.set(name, store);
      await onceReached(
        () => store.migrate(...migrationOf(plan, name, name === names[0], options.onIndexing)),
        options,
      );
    }
    for (const [name, store] of Object.entries(definition.blobStores)) {
      const guarded = openBlobStore(memory ? { ...store, kind: 'memory' } : store, data, clock);
      measured.push(() => ({ kind: 'blob_store', name, calls: guarded.stats() }));
      blobs.set(name, front.before(options.wrapBlobStore?.(guarded, name) ?? guarded));
    }
    const first = need(records.get(names[0] ?? ''));
    const background = new Set<Promise<unknown>>();
    const turns = createTurns();
    const metrics = { commitRetries: 0 };
    const cursorKey = await sharedSecret(first, CURSOR_KEY);
    const goOnBeside = (work: Promise<unknown>) => {
      const tracked = work.finally(() => background.delete(tracked));
      background.add(tracked);
    };
    const runtimeOf = (adopted: Plan): EngineRuntime => ({
      clock,
      limits: adopted.definition.ops.limits,
      turns,
      cache,
      responses,
      representations,
      fills: new Fills(log, goOnBeside),
      blobStoreNames: [...blobs.keys()],
      store: (name) => need(records.get(name)),
      blobStore: (name) => need(blobs.get(name)),
      rules: (collection) => need(adopted.documents.get(collection)),
      sequence: () => first.sequence(),
      cursorKey,
      metrics,
      log,
      background: goOnBeside,
    });
    let runtime = runtimeOf(plan);
    const everyMs = duties ? SWEEP_EVERY_MS : null;
    const leases = startLeaseSweeper({
      stores: [...blobs.values()],
      isReferenced: (digest) => isReferenced(plan, records, digest),
      everyMs,
      clock,
      onError: (cause) => log.warning('The lease sweeper failed', cause),
    });
    const expired = startExpirySweeper({
      stores: [...records.values()],
      everyMs,
      clock,
      onError: (cause) => log.warning('The sweeper of expired records failed', cause),
    });
    return {
      get runtime() {
        return runtime;
      },
      async adopt(next) {
        try {
          for (const [name, store] of records)
            await store.migrate(...migrationOf(next, name, name === names[0], options.onIndexing));
        } catch (error) {
          for (const [name, store] of records)
            await store.migrate(...migrationOf(plan, name, name === names[0], options.onIndexing));
          throw error;
        }
        plan = next;
        // What the definition before has cached may mean something else to this one.
        cache = openCache();
        responses = openResponses(next);
        representations = openRepresentations(next);
        if (!isDeepStrictEqual(settings, next.definition.caching.blobs)) {
          settings = next.definition.caching.blobs;
          front.configure(settings);
        }
        runtime = runtimeOf(next);
        return runtime;
      },
      identityStore: first,
      health: () => health(records, blobs),
      stats: () => [
        ...measured.map((part) => part()),
        { kind: 'cache', name: 'memory', calls: cache.calls(), cache: cache.stats() },
        ...kept('blobs', front.stats()),
        ...kept('responses', responses?.stats() ?? null),
        ...kept('representations', representations.stats()),
      ],
      async sweep() {
        await Promise.all(background);
        await expired.runNow();
        await leases.runNow();
      },
      async close() {
        await Promise.all([expired.stop(), leases.stop()]);
        await Promise.all(background);
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Tries again, with growing pauses, as long as the database cannot be reached and there is time to wait. */
async function onceReached<T>(
  work: () => MaybePromise<T>,
  { clock, waitMs, onWaiting }: Pick<PortsOptions, 'clock' | 'waitMs' | 'onWaiting'>,
): Promise<T> {
  const giveUpAt = clock.now() + waitMs;
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 5000)) {
    try {
      return await work();
    } catch (thrown) {
      const { code, message } = toRegistryError(thrown);
      if (code !== 'STORE_UNREACHABLE' || clock.now() + pauseMs > giveUpAt) throw thrown;
      onWaiting(`${message}. Trying again`);
      await clock.sleep(pauseMs);
    }
  }
}

/** A cache that is not a port, where it keeps anything. */
function kept(name: string, stats: CacheStats | null): readonly PartStats[] {
  return stats === null ? [] : [{ kind: 'cache', name, calls: {}, cache: stats }];
}

/** What a plan asks of a record store; the first one holds the engine's own collections, too. */
export function migrationOf(
  plan: Plan,
  store: string,
  isFirst: boolean,
  onIndexing: PortsOptions['onIndexing'],
): Parameters<RecordStore['migrate']> {
  const own = isFirst ? [...IDENTITY_COLLECTIONS, ...ENGINE_COLLECTIONS] : [];
  return [
    [...plan.collections(store), ...own],
    (collection, key, value) =>
      collection.startsWith('$') && !plan.documents.has(collection)
        ? projectIdentity(collection, key, value)
        : plan.project(collection, key, value),
    onIndexing,
  ];
}

/** Whether any record names the blob, by the indexes that the engine keeps of such fields. */
async function isReferenced(plan: Plan, records: ReadonlyMap<string, RecordStore>, digest: string): Promise<boolean> {
  for (const { plan: document, collection } of plan.documents.values()) {
    const index = blobIndexName(document.name);
    if (!collection.indexes.some((spec) => spec.name === index)) continue;
    const page = await need(records.get(document.store)).query({
      collection: document.name,
      index,
      where: [{ column: 'digest', op: 'any', values: [digest] }],
      order: [],
      limit: 1,
      after: null,
    });
    if (page.records.length > 0) return true;
  }
  return false;
}

async function health(
  records: ReadonlyMap<string, RecordStore>,
  blobs: ReadonlyMap<string, BlobStore>,
): Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, PartHealth>> }> {
  const parts: Record<string, PartHealth> = {};
  for (const [name, store] of [...records, ...blobs]) {
    try {
      parts[name] = await store.health();
    } catch (error) {
      parts[name] = { ok: false, latencyMs: 0, reason: error instanceof Error ? error.message : 'failed' };
    }
  }
  return { ok: Object.values(parts).every((part) => part.ok), parts };
}

/** Opens a client for every declared upstream; secrets and addresses come from the environment. */
export function openUpstreams(
  definition: Definition,
  environment: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | null>>,
  clock: Clock,
): ReadonlyMap<string, GuardedUpstream> {
  const secret = (name: string | null) => (name === null ? '' : (environment[name] ?? ''));
  return new Map(
    Object.values(definition.upstreams).map((upstream) => [
      upstream.name,
      upstreamClients.http.open({
        ...upstream,
        baseUrl: baseUrlOf(upstream, env),
        auth: authOf(upstream, secret),
        clock,
      }),
    ]),
  );
}

/** Null when the variables that the address is made of are not set. */
function baseUrlOf(upstream: UpstreamDefinition, env: Readonly<Record<string, string | null>>): string | null {
  const scope = { slotOf: () => 0, hidden: () => 0 };
  const { evaluate } = compileText(parseTemplate(upstream.baseUrl), scope, null);
  try {
    return evaluate({ ...recordFrame(null), env }) || null;
  } catch {
    return null;
  }
}

function authOf({ auth }: UpstreamDefinition, secret: (name: string | null) => string): UpstreamOptions['auth'] {
  switch (auth.mode) {
    case 'basic':
      return { mode: 'basic', username: secret(auth.usernameEnv), password: secret(auth.passwordEnv) };
    case 'bearer_token':
      return { mode: 'bearer_token', token: secret(auth.tokenEnv) };
    case 'api_key':
      return { mode: 'api_key', header: auth.header, token: secret(auth.tokenEnv) };
    case 'challenge':
      return {
        mode: 'challenge',
        username: auth.usernameEnv === null ? null : secret(auth.usernameEnv),
        password: auth.passwordEnv === null ? null : secret(auth.passwordEnv),
      };
    case 'none':
      return { mode: 'none' };
  }
}

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('A store that the definition does not declare was asked for');
  return value;
}
