import { resolve } from 'node:path';
import type { Finding } from './definition/findings.ts';
import { loadDefinition } from './definition/load.ts';
import type { Definition } from './definition/types.ts';
import { compile } from './engine/compile.ts';
import { RegistryError, toRegistryError } from './errors/registry-error.ts';
import { vocabulary } from './main.ts';
import type { OnProgress } from './moving/progress.ts';
import { openBlobStore } from './open-blob-store.ts';
import { migrationOf, openUpstreams } from './open-ports.ts';
import { openRecordStore } from './open-record-store.ts';
import { HANDLERS } from './operations/index.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { LoadOptions, RecordLoad } from './ports/record-dump.ts';
import type { IndexProgress, RecordStore } from './ports/record-store.ts';
import { type Clock, systemClock } from './shared/clock.ts';
import { STORE_ENV, withStore } from './store-choice.ts';

/** What of a definition concerns whole stores. */
export interface StoreKeeping {
  readonly definition: Definition;
  /** The blobs that a record names. */
  digestsOf(collection: string, value: string): readonly string[];
  /** Builds the indexes that the definition asks of a record store, by its name there. */
  buildIndexes(name: string, store: RecordStore, onProgress: OnProgress): Promise<void>;
}

export type KeepingResult =
  | { readonly ok: true; readonly keeping: StoreKeeping }
  | { readonly ok: false; readonly findings: readonly Finding[] };

/** Which registry, and where its stores are. */
export interface StoresOptions {
  /** A folder with `schema.json`, or one file. */
  readonly registry: string;
  readonly data: string;
  /** As in `RegistryOptions`. */
  readonly store: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads a definition for work on its stores; none of it is opened. */
export async function loadKeeping({
  registry,
  store,
}: Pick<StoresOptions, 'registry' | 'store'>): Promise<KeepingResult> {
  const words = await vocabulary();
  const { definition: loaded, findings } = await loadDefinition(resolve(registry), words);
  if (loaded === null || findings.some(({ severity }) => severity === 'error')) return { ok: false, findings };
  const definition = withStore(loaded, store);
  const upstreams = openUpstreams(definition, {}, {}, systemClock);
  // No route runs here.
  const plan = compile({ definition: { ...definition, routes: [] }, vocabulary: words, handlers: HANDLERS, upstreams });
  for (const upstream of upstreams.values()) await upstream.close();
  const [first] = Object.keys(definition.kvStores);
  const naming = new Set(
    Object.values(definition.documents).flatMap(({ name, blobs }) => (blobs.length > 0 ? [name] : [])),
  );
  return {
    ok: true,
    keeping: {
      definition,
      digestsOf: (collection, value) =>
        naming.has(collection) ? (plan.documents.get(collection)?.digests(parsedOrNull(value)) ?? []) : [],
      async buildIndexes(name, store, onProgress) {
        const tell = ({ collection, done, total }: IndexProgress) =>
          onProgress(done, total, `indexes of ${collection}`);
        await store.migrate(...migrationOf(plan, name, name === first, tell));
      },
    },
  };
}

/** A damaged document names nothing, and is backed up like the rest. */
function parsedOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The stores of a definition, by name, as they are: nothing is migrated. */
export interface OpenStores {
  readonly records: ReadonlyMap<string, RecordStore>;
  readonly blobs: ReadonlyMap<string, BlobStore>;
  close(): Promise<void>;
}

/**
 * Opens the stores that a server would; blob stores only where they are wanted. Fails with STORE_FAILURE where the definition keeps its
 * records in memory, which no other process sees.
 */
export async function openStores(
  { definition }: StoreKeeping,
  { data, store: choice, env }: StoresOptions,
  withBlobs: boolean,
  clock: Clock,
): Promise<OpenStores> {
  const records = new Map<string, RecordStore>();
  const blobs = new Map<string, BlobStore>();
  const close = async () => {
    for (const store of [...records.values(), ...blobs.values()]) await store.close();
  };
  const options = { data: resolve(data), env: choice === null ? env : { ...env, [STORE_ENV]: choice }, clock };
  try {
    for (const [name, declared] of Object.entries(definition.kvStores)) {
      if (declared.kind === 'memory') {
        throw new RegistryError('STORE_FAILURE', {
          message: 'This registry keeps its records in memory: they are gone with the server',
        });
      }
      records.set(name, openRecordStore(name, declared, options));
    }
    for (const [name, declared] of withBlobs ? Object.entries(definition.blobStores) : [])
      blobs.set(name, openBlobStore(declared, options.data, clock));
    return { records, blobs, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Fails with STORE_FAILURE and a sentence when the store is half filled: it is no source of anything. */
export async function requireWhole(store: RecordStore): Promise<void> {
  const mark = await store.loadMark();
  if (mark === null) return;
  throw new RegistryError('STORE_FAILURE', {
    message: `The store is half filled: ${mark.origin}, which began ${mark.at}, did not finish`,
  });
}

/** Begins to fill a store. Fails with ALREADY_EXISTS and a sentence that says what to do where it holds anything else. */
export async function beginLoad(store: RecordStore, options: LoadOptions): Promise<RecordLoad> {
  try {
    return await store.load(options);
  } catch (thrown) {
    const { code, message } = toRegistryError(thrown);
    if (code !== 'ALREADY_EXISTS') throw thrown;
    throw new RegistryError(code, {
      message: `${message}. Choose an empty place, or remove what is there with --force`,
    });
  }
}
