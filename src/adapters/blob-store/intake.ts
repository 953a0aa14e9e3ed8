import { createHash, type Hash, hash as hashOf } from 'node:crypto';
import { fail } from '../../errors/registry-error.ts';
import type { PutOptions } from '../../ports/blob-store.ts';
import { type Digest, type DigestAlgorithm, parseDigest } from '../../shared/digest.ts';

/** What every blob of a store must keep to. */
export interface BlobBounds {
  readonly maxBlobBytes: number;
  readonly minBlobBytes: number;
}

/** What the bytes turned out to be. */
export interface Taken {
  /** Of sha256, without its prefix. */
  readonly hex: string;
  readonly size: number;
  /** By algorithm, as `<algorithm>:<hex>`. */
  readonly digests: Readonly<Partial<Record<DigestAlgorithm, string>>>;
}

/** Hashes and counts the bytes of one blob while they pass, and holds them against what was expected. */
export interface Intake {
  /** Bytes counted so far. */
  readonly size: number;
  /** Fails with BLOB_TOO_LARGE or SIZE_MISMATCH as soon as `bytes` more would be too many; hashes nothing. */
  admit(bytes: number): void;
  hash(chunk: Uint8Array): void;
  /**
   * Fails with BLOB_TOO_SMALL, SIZE_MISMATCH or DIGEST_MISMATCH. To be called once. Content that is there as a whole is given here and not to
   * `hash`: at once it takes half the time.
   */
  finish(whole?: Uint8Array): Taken;
}

type IntakeOptions = Pick<PutOptions, 'algorithms' | 'expect' | 'maxBytes'>;

/** Fails with DIGEST_INVALID on a malformed expectation, and early when the expected size breaks a bound. */
export function openIntake(options: IntakeOptions, bounds: BlobBounds): Intake {
  const maxBytes = Math.min(options.maxBytes ?? bounds.maxBlobBytes, bounds.maxBlobBytes);
  const expectedSize = options.expect?.size ?? null;
  const expectedDigest = readExpectedDigest(options.expect?.digest ?? null);
  const algorithms = new Set<DigestAlgorithm>(['sha256', ...(options.algorithms ?? [])]);
  if (expectedDigest !== null) algorithms.add(expectedDigest.algorithm);
  /** Made with the first chunk. */
  let hashes: Map<DigestAlgorithm, Hash> | null = null;
  let size = 0;
  if (expectedSize !== null && expectedSize > maxBytes) tooLarge(maxBytes);

  return {
    get size() {
      return size;
    },
    admit(bytes) {
      size += bytes;
      if (size > maxBytes) tooLarge(maxBytes);
      if (expectedSize !== null && size > expectedSize) sizeMismatch(expectedSize, null);
    },
    hash(chunk) {
      hashes ??= new Map([...algorithms].map((algorithm) => [algorithm, createHash(algorithm)]));
      for (const hash of hashes.values()) hash.update(chunk);
    },
    finish(whole = NOTHING) {
      if (expectedSize !== null && size !== expectedSize) sizeMismatch(expectedSize, size);
      if (size < bounds.minBlobBytes) {
        fail('BLOB_TOO_SMALL', undefined, { size, minBytes: bounds.minBlobBytes });
      }
      const digests: Partial<Record<DigestAlgorithm, string>> = {};
      for (const algorithm of algorithms) {
        const hex = hashes?.get(algorithm)?.digest('hex') ?? hashOf(algorithm, whole, 'hex');
        digests[algorithm] = `${algorithm}:${hex}`;
      }
      if (expectedDigest !== null) {
        const actual = digests[expectedDigest.algorithm];
        const expected = `${expectedDigest.algorithm}:${expectedDigest.hex}`;
        if (actual !== expected) fail('DIGEST_MISMATCH', undefined, { expected, actual });
      }
      return { hex: (digests.sha256 ?? '').slice('sha256:'.length), size, digests };
    },
  };
}

const NOTHING = new Uint8Array(0);

function readExpectedDigest(text: string | null): Digest | null {
  return text === null ? null : (parseDigest(text) ?? fail('DIGEST_INVALID', undefined, { digest: text }));
}

function tooLarge(maxBytes: number): never {
  return fail('BLOB_TOO_LARGE', undefined, { maxBytes });
}

/** `actual` is null when the content was still going on. */
function sizeMismatch(expected: number, actual: number | null): never {
  return fail('SIZE_MISMATCH', undefined, actual === null ? { expected } : { expected, actual });
}

const ADDRESS = /^sha256:[0-9a-f]{64}$/;

/** The hex of a blob's address; DIGEST_INVALID for anything that is not exactly `sha256:<64 lower-case hex>`. */
export function addressHex(digest: string): string {
  if (typeof digest !== 'string' || !ADDRESS.test(digest)) fail('DIGEST_INVALID', undefined, { digest });
  return digest.slice(7);
}
