import type { LoadContext, Model } from '../model.ts';
import { qualify } from '../names.ts';
import { isObject, isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import { resolveSchemaRefs } from '../schema-refs.ts';
import type { BlobStoreDefinition, DocumentDefinition, Json, KvStoreDefinition } from '../types.ts';
import { notRun } from './not-run.ts';
import { readPostgresServer } from './postgres-server.ts';

const KV_KINDS = ['memory', 'sqlite', 'pglite', 'postgres', 'mongodb'];
const BLOB_KINDS = ['filesystem', 'memory', 's3'];
const AVAILABLE_BLOB_KINDS = ['filesystem', 'memory'];
/** Kinds that other engines embed; ours is sqlite. */
const READ_AS_SQLITE = ['rocksdb', 'filesystem'];
const TWO_GIB = 2 ** 31;

export interface StoreDefinitions {
  readonly blobStores: Readonly<Record<string, BlobStoreDefinition>>;
  readonly kvStores: Readonly<Record<string, KvStoreDefinition>>;
}

/** `storage.blob_stores` and `storage.kv_stores`, which only `schema.json` may have. */
export function readStores(context: LoadContext, storage: ObjectReader | null): StoreDefinitions {
  return {
    blobStores:
      storage?.map('blob_stores', (json, name, spot) =>
        isRemark(name, json) ? undefined : readBlobStore(context, json, spot),
      ) ?? {},
    kvStores:
      storage?.map('kv_stores', (json, name, spot) =>
        isRemark(name, json) ? undefined : readKvStore(context, json, spot),
      ) ?? {},
  };
}

function readBlobStore(context: LoadContext, json: Json, spot: Spot): BlobStoreDefinition | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const kind = reader.requiredText('kind');
  if (kind !== '') checkKind(context, kind, reader.at('kind'), BLOB_KINDS, AVAILABLE_BLOB_KINDS);
  const root = reader.text('root', 'blobs');
  const addressing = reader.child('addressing');
  addressing?.choice('mode', ['content_addressed'], 'content_addressed');
  addressing?.choice('digest', ['sha256'], 'sha256');
  const pathTemplate = addressing?.text('path_template', null) ?? 'sha256/{digest:0:2}/{digest}';
  if (addressing?.has('path_template') && !pathTemplate.includes('{digest}')) {
    context.reporter.report(
      'SHAPE_INVALID',
      addressing.at('path_template'),
      'The path must contain the whole "{digest}"',
    );
  }
  addressing?.finish();
  const limits = reader.child('limits');
  const maxBlobBytes = limits?.integer('max_blob_bytes', TWO_GIB) ?? TWO_GIB;
  const minBlobBytes = limits?.integer('min_blob_bytes', 0) ?? 0;
  limits?.finish();
  reader.finish();
  return { kind, root, pathTemplate, maxBlobBytes, minBlobBytes };
}

function readKvStore(context: LoadContext, json: Json, spot: Spot): KvStoreDefinition | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const written = reader.requiredText('kind');
  if (READ_AS_SQLITE.includes(written)) {
    const message = `A kv store of the kind "${written}" is read as "sqlite"`;
    context.reporter.report('STORE_KIND_READ_AS', reader.at('kind'), message, { fix: 'Write "sqlite"' });
    // Its other settings are another engine's.
    return { kind: 'sqlite', path: null, server: null };
  }
  if (written !== '') checkKind(context, written, reader.at('kind'), KV_KINDS, context.availableKvKinds);
  const path = written === 'sqlite' || written === 'pglite' ? reader.text('path', null) : null;
  const server = written === 'postgres' ? readPostgresServer(context, reader) : null;
  reader.finish();
  return { kind: written, path, server };
}

function checkKind(
  context: LoadContext,
  kind: string,
  spot: Spot,
  known: readonly string[],
  available: readonly string[],
): void {
  if (available.includes(kind)) return;
  const message = known.includes(kind)
    ? `Stores of the kind "${kind}" are not available in this version`
    : `There is no store of the kind "${kind}"`;
  context.reporter.report('STORE_KIND', spot, message, { fix: `Available: ${available.join(', ')}` });
}

/** Reads `storage.documents` and `storage.schemas` of `schema.json` or of a pack into the model. */
export function readDocuments(
  context: LoadContext,
  model: Model,
  storage: ObjectReader | null,
  pack: string | null,
): void {
  const schemas = storage?.object('schemas') ?? {};
  for (const [name, json] of Object.entries(schemas)) {
    const spot = spotOf(schemas, name);
    if (isRemark(name, json)) continue;
    if (!isObject(json)) {
      openObject(json, spot, context.reporter);
      continue;
    }
    const resolved = resolveSchemaRefs(context, pack, json);
    model.schemas[qualify(pack, name)] = resolved;
    model.loose.push({ kind: 'schema', json, resolved, spot, names: [] });
  }
  const documents = storage?.object('documents') ?? {};
  for (const [name, json] of Object.entries(documents)) {
    if (isRemark(name, json)) continue;
    const qualified = qualify(pack, name);
    const document = readDocument(context, model, json, qualified, pack, spotOf(documents, name));
    if (document === null) continue;
    model.documents[qualified] = document;
    model.documentJson.push({ name: qualified, json });
  }
}

function readDocument(
  context: LoadContext,
  model: Model,
  json: Json,
  name: string,
  pack: string | null,
  spot: Spot,
): DocumentDefinition | null {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return null;
  const { names } = context;
  const store = reader.requiredText('store');
  if (store !== '') names.resolve('kv_store', null, store, reader.at('store'));
  const keyTemplate = reader.requiredText('key_template');
  if (keyTemplate !== '')
    model.loose.push({ kind: 'key', json: keyTemplate, spot: reader.at('key_template'), names: [] });
  const schemaName = reader.text('schema', null);
  const schema = schemaName === null ? null : names.resolve('schema', pack, schemaName, reader.at('schema'));
  const blobs = reader.texts('blobs');
  const ttlSeconds = reader.integer('ttl_seconds', 0);
  const encrypted = reader.boolean('encrypted', false);
  if (encrypted) notRun(context, reader.at('encrypted'), 'Encryption of documents');
  const visibleWhen = reader.object('visible_when');
  if (visibleWhen !== null) {
    model.loose.push({
      kind: 'condition',
      json: visibleWhen,
      spot: reader.at('visible_when'),
      names: ['record', 'principal'],
    });
  }
  reader.finish();
  return { name, store, keyTemplate, schema, blobs, ttlSeconds, encrypted, visibleWhen };
}
