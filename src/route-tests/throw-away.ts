import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Definition, Json, JsonObject } from '../definition/types.ts';
import { object } from '../trial/contents.ts';
import type { RegistryPlace } from './read-test-files.ts';

/**
 * A definition that touches nothing outside: every store in the trial's own folder, upstreams that have mocks at the mocks' addresses,
 * all others without an address. `records` is the kind of all record stores; null: as declared.
 */
export function isolated(
  definition: Definition,
  records: string | null,
  mocks: ReadonlyMap<string, string> = new Map(),
): Definition {
  const { kvStores, blobStores, upstreams } = definition;
  return {
    ...definition,
    kvStores: mapRecord(kvStores, ({ kind }) => ({ kind: withoutServer(records ?? kind), path: null, server: null })),
    blobStores: mapRecord(blobStores, (store, name) => ({ ...store, root: join('blobs', name) })),
    upstreams: mapRecord(upstreams, (upstream, name) => {
      const address = mocks.get(name);
      if (address === undefined) return { ...upstream, baseUrl: '' };
      return { ...upstream, baseUrl: address, allowPrivateAddresses: true };
    }),
  };
}

/** A server holds what others need; the database inside the process that stands for it speaks the same. */
function withoutServer(kind: string): string {
  return kind === 'postgres' ? 'pglite' : kind;
}

/** Copies a registry's definition into `folder`, which it makes, with a merge patch over its schema file. Returns what to load. */
export async function copyPatched(registry: RegistryPlace, patch: JsonObject, folder: string): Promise<string> {
  const { root, files, schemaFile } = registry;
  for (const file of files) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await cp(join(root, file), join(folder, file));
  }
  const schema: Json = JSON.parse(await readFile(join(root, schemaFile), 'utf8'));
  await writeFile(join(folder, schemaFile), JSON.stringify(mergePatch(schema, patch), null, 2));
  return schemaFile === 'schema.json' ? folder : join(folder, schemaFile);
}

/** RFC 7396. */
function mergePatch(target: Json, patch: Json): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, Json> = { ...object(target) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name] ?? null, value);
  }
  return merged;
}

function mapRecord<T>(record: Readonly<Record<string, T>>, map: (value: T, name: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value, name)]));
}
