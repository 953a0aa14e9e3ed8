import type { Readable } from 'node:stream';
import { parseDigest, sri } from '../shared/digest.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import { parseJsonText } from '../shared/parse-json.ts';

/**
 * A document as stored: JSON text that is parsed when a path first looks into it, and sent as it is when nobody does.
 * A variable that holds one behaves like the document.
 */
export class StoredValue {
  readonly key: string;
  readonly text: string;
  /** Record version; 0 for one that is buffered by the running transaction. */
  readonly version: number;
  #parsed: unknown;
  #isParsed = false;

  constructor(key: string, text: string, version: number) {
    this.key = key;
    this.text = text;
    this.version = version;
  }

  /** The parsed document. Shared: nobody may change it. */
  get value(): unknown {
    if (!this.#isParsed) {
      this.#parsed = parseJsonText(this.text);
      this.#isParsed = true;
    }
    return this.#parsed;
  }
}

/** Content of a handle, opened: one piece or a stream that must be consumed or destroyed. */
export interface OpenBytes {
  /** Bytes of the whole content; null when only reading will tell. */
  readonly size: number | null;
  readonly bytes: Uint8Array | null;
  readonly stream: Readable | null;
}

/**
 * Bytes that a variable stands for: a body, a blob, an upstream's answer. To expressions the plain object
 * `{ size, digest, digests, media_type }`; to operations a stream. Opening is lazy.
 */
export interface ByteHandle {
  readonly isByteHandle: true;
  /** Null when unknown (a body without a length). */
  readonly size: number | null;
  readonly mediaType: string | null;
  /** `<algorithm>:<hex>` by algorithm; empty when nothing was hashed. */
  readonly digests: Readonly<Record<string, string>>;
  /** Inclusive range. A handle over a stream that comes once fails with BODY_CONSUMED the second time, and takes no range. */
  open(range?: { readonly start: number; readonly end: number }): MaybePromise<OpenBytes>;
  /** Whether `open` may be called again. */
  readonly reopenable: boolean;
}

/** JSON has no functions, so an object that a client sent is never taken for a handle. */
export function isByteHandle(value: unknown): value is ByteHandle {
  if (typeof value !== 'object' || value === null) return false;
  const candidate = value as { isByteHandle?: unknown; open?: unknown };
  return candidate.isByteHandle === true && typeof candidate.open === 'function';
}

/**
 * What a path may name on a handle. `digest` is sha256; `hex`, `base64` and `sri` are forms of it. `digests`, `hexes` and `sris` have
 * these forms of every hash that was taken, by algorithm.
 */
export function byteHandleMember(handle: ByteHandle, name: string): unknown {
  const sha256 = handle.digests.sha256;
  switch (name) {
    case 'size':
      return handle.size;
    case 'media_type':
      return handle.mediaType;
    case 'digest':
      return sha256 ?? null;
    case 'digests':
      return handle.digests;
    case 'hexes':
      return formsOf(handle, hexOf);
    case 'sris':
      return formsOf(handle, sriOf);
    case 'hex':
      return sha256 === undefined ? null : hexOf(sha256);
    case 'base64':
      return sha256 === undefined ? null : Buffer.from(hexOf(sha256), 'hex').toString('base64');
    case 'sri':
      return sha256 === undefined ? null : sriOf(sha256);
    default:
      return undefined;
  }
}

function formsOf({ digests }: ByteHandle, form: (digest: string) => string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(digests).map(([algorithm, digest]) => [algorithm, form(digest)]));
}

function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

function sriOf(digest: string): string {
  const parsed = parseDigest(digest);
  if (parsed === null) throw new Error(`A handle bears a digest that is none: ${digest}`);
  return sri(parsed);
}

/** The plain form of a value for expressions, schemas and JSON: documents parsed, handles described. Shallow unless it is one of these. */
export function plainHandle(handle: ByteHandle): Record<string, unknown> {
  return {
    size: handle.size,
    digest: handle.digests.sha256 ?? null,
    digests: { ...handle.digests },
    media_type: handle.mediaType,
  };
}
