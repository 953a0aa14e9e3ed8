import { writeJson } from '../../language/json.ts';
import { member, setOwn } from '../../language/member.ts';
import { type ByteHandle, isByteHandle, StoredValue } from '../../language/values.ts';
import { parseJsonText } from '../../shared/parse-json.ts';
import { readAll } from '../read-all.ts';

/** Bytes that a cached value may hold, all handles together. */
const MAX_INLINE_BYTES = 64 * 1024;

/** Where a handle stood in the value, and what it was. */
interface InlineBytes {
  readonly path: readonly (string | number)[];
  readonly base64: string;
  readonly mediaType: string | null;
  readonly digests: Readonly<Record<string, string>>;
}

interface Envelope {
  readonly value: unknown;
  readonly bytes: readonly InlineBytes[];
}

/**
 * A value as a cache keeps it: its JSON, with the bytes of handles beside it, or null when it is not to be kept: more than 64 KiB of
 * bytes, or bytes that can be read only once and are still wanted elsewhere.
 */
export async function encodeCacheValue(value: unknown): Promise<Uint8Array | null> {
  const found: { readonly path: readonly (string | number)[]; readonly handle: ByteHandle }[] = [];
  collectHandles(value, [], (path, handle) => found.push({ path, handle }));
  let total = 0;
  for (const { handle } of found) {
    if (!handle.reopenable || handle.size === null) return null;
    total += handle.size;
    if (total > MAX_INLINE_BYTES) return null;
  }
  const bytes: InlineBytes[] = [];
  for (const { path, handle } of found) {
    const content = await readAll(handle, MAX_INLINE_BYTES, () => {
      throw new Error('A handle held more bytes than it stated');
    });
    const { mediaType, digests } = handle;
    bytes.push({ path, base64: Buffer.from(content).toString('base64'), mediaType, digests });
  }
  return Buffer.from(writeJson({ value, bytes }));
}

/** The value that was encoded, its handles opening on the bytes that were kept. */
export function decodeCacheValue(encoded: Uint8Array): unknown {
  const envelope = parseJsonText(Buffer.from(encoded).toString()) as Envelope;
  let { value } = envelope;
  for (const inline of envelope.bytes) {
    const handle = keptBytes(inline);
    const last = inline.path.at(-1);
    if (last === undefined) {
      value = handle;
      continue;
    }
    let parent = value;
    for (const name of inline.path.slice(0, -1)) parent = member(parent, name);
    if (typeof parent === 'object' && parent !== null) setOwn(parent, String(last), handle);
  }
  return value;
}

function collectHandles(
  value: unknown,
  path: readonly (string | number)[],
  found: (path: readonly (string | number)[], handle: ByteHandle) => void,
): void {
  if (typeof value !== 'object' || value === null || value instanceof StoredValue) return;
  if (isByteHandle(value)) {
    found(path, value);
    return;
  }
  const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [name, item] of entries) collectHandles(item, [...path, name], found);
}

function keptBytes({ base64, mediaType, digests }: InlineBytes): ByteHandle {
  const bytes = Buffer.from(base64, 'base64');
  return {
    isByteHandle: true,
    size: bytes.length,
    mediaType,
    digests,
    reopenable: true,
    open: (range) => ({
      size: bytes.length,
      bytes: range === undefined ? bytes : bytes.subarray(range.start, range.end + 1),
      stream: null,
    }),
  };
}
