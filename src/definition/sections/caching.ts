import type { LoadContext } from '../model.ts';
import type { ObjectReader } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { CachingDefinition } from '../types.ts';

const MAX_ENTRY_BYTES = 1024 * 1024;
const TTL_SECONDS = 300;
const LONGEST_TTL_SECONDS = 31_536_000;
const BLOB_BYTES = 64 * 1024 * 1024;
const REPRESENTATION_BYTES = 128 * 1024 * 1024;
/** RFC 9110, 5.1: a field name is a token. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** `caching` of `schema.json`. A part that is absent, or says `enabled: false`, is read and is off. */
export function readCaching(context: LoadContext, owner: ObjectReader): CachingDefinition {
  const reader = owner.child('caching');
  const caching = {
    responses: readPart(reader, 'response_cache', (part) => readResponses(context, part)),
    blobs: readPart(reader, 'blob_cache', readBlobs),
    representationBytes: readRepresentations(reader),
  };
  reader?.finish();
  return caching;
}

function readPart<T>(owner: ObjectReader | null, key: string, read: (part: ObjectReader) => T): T | null {
  const part = owner?.child(key) ?? null;
  if (part === null) return null;
  const isEnabled = part.boolean('enabled', true);
  const settings = read(part);
  part.finish();
  return isEnabled ? settings : null;
}

function readRepresentations(owner: ObjectReader | null): number {
  const part = owner?.child('representations') ?? null;
  const bytes = part?.integer('max_bytes', REPRESENTATION_BYTES) ?? REPRESENTATION_BYTES;
  part?.finish();
  return bytes;
}

function readResponses({ reporter }: LoadContext, part: ObjectReader): CachingDefinition['responses'] {
  const names = part.texts('vary_headers');
  const list = part.json.vary_headers;
  names.forEach((name, index) => {
    if (!Array.isArray(list) || TOKEN.test(name)) return;
    reporter.report('SHAPE_INVALID', spotOf(list, list.indexOf(name, index)), `"${name}" is not a header name`);
  });
  const revalidate = part.child('revalidate');
  const settings = {
    varyHeaders: [...new Set(names.map((name) => name.toLowerCase()))],
    maxEntryBytes: part.integer('max_entry_bytes', MAX_ENTRY_BYTES),
    ttlSeconds: part.integer('default_ttl_seconds', TTL_SECONDS, 1, LONGEST_TTL_SECONDS),
    useEtag: revalidate?.boolean('use_etag', false) ?? false,
    useLastModified: revalidate?.boolean('use_last_modified', false) ?? false,
  };
  revalidate?.finish();
  return settings;
}

function readBlobs(part: ObjectReader): CachingDefinition['blobs'] {
  const eviction = part.child('eviction');
  eviction?.choice('policy', ['lru'], 'lru');
  eviction?.finish();
  return {
    pinOnAccess: part.boolean('pin_on_access', true),
    maxBytes: part.integer('max_bytes', BLOB_BYTES),
  };
}
