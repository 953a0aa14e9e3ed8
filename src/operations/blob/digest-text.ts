import { RegistryError } from '../../errors/registry-error.ts';
import { member } from '../../language/member.ts';
import { type Digest, formatDigest, parseDigest, parseSri, strongest } from '../../shared/digest.ts';

/** How nearly every digest comes: out of a document, as it is kept. */
const KEPT_FORM = /^sha256:[0-9a-f]{64}$/;

/** A digest as it is kept, `<algorithm>:<lower-case hex>`. Hex alone is taken as of `algorithm`. Fails with DIGEST_INVALID. */
export function digestText(text: string, algorithm = 'sha256'): string {
  if (KEPT_FORM.test(text)) return text;
  const digest = readDigest(text, algorithm);
  return formatDigest(digest.algorithm, digest.hex);
}

/**
 * The digests of which content must have one. As `digestText`, or Subresource Integrity metadata (`sha512-<base64>`, several apart by
 * white space). Fails with DIGEST_INVALID.
 */
export function expectedDigests(text: string, algorithm = 'sha256'): readonly Digest[] {
  const digests = /^\s*\w+-/.test(text) ? parseSri(text) : [readDigest(text, algorithm)];
  if (digests === null) throw new RegistryError('DIGEST_INVALID');
  return digests;
}

/**
 * Compares digests that were taken, `<algorithm>:<hex>` by algorithm, with those of which one is expected: of the strongest algorithm
 * that was taken. Fails with DIGEST_MISMATCH, and with DIGEST_INVALID where none of their algorithms was taken.
 */
export function compareDigests(taken: object, expected: readonly Digest[]): void {
  const decisive = strongest(expected.filter(({ algorithm }) => typeof member(taken, algorithm) === 'string'));
  if (decisive.length === 0) {
    const wanted = [...new Set(expected.map(({ algorithm }) => algorithm))].join(' or ');
    throw new RegistryError('DIGEST_INVALID', { message: `No ${wanted} was taken of the content` });
  }
  const texts = decisive.map(({ algorithm, hex }) => formatDigest(algorithm, hex));
  const actual = member(taken, decisive[0]?.algorithm ?? '');
  if (!texts.some((text) => text === actual)) {
    throw new RegistryError('DIGEST_MISMATCH', { details: { expected: texts.join(' '), actual } });
  }
}

/** Whether a blob may be kept under this digest: stores address by sha256, so that nothing is found under any other. */
export function isAddress(digest: string): boolean {
  return digest.startsWith('sha256:');
}

function readDigest(text: string, algorithm: string): Digest {
  const digest = parseDigest(text.includes(':') ? text : `${algorithm}:${text}`);
  if (digest === null) throw new RegistryError('DIGEST_INVALID');
  return digest;
}
