/** Hashes that can be taken of bytes, the strongest first. */
export const DIGEST_ALGORITHMS = Object.freeze(['sha512', 'sha384', 'sha256', 'sha1', 'md5'] as const);
export type DigestAlgorithm = (typeof DIGEST_ALGORITHMS)[number];

/** Hex digits of each hash. */
const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = {
  sha512: 128,
  sha384: 96,
  sha256: 64,
  sha1: 40,
  md5: 32,
};

/** A digest in its two halves; `hex` is lower case. */
export interface Digest {
  readonly algorithm: DigestAlgorithm;
  readonly hex: string;
}

/** Reads `<algorithm>:<hex>`; upper-case hex is made lower. Null when the algorithm is unknown or the hex has the wrong length or form. */
export function parseDigest(text: string): Digest | null {
  const colon = text.indexOf(':');
  if (colon < 0) return null;
  const name = text.slice(0, colon);
  const algorithm = DIGEST_ALGORITHMS.find((known) => known === name);
  const hex = text.slice(colon + 1);
  if (algorithm === undefined || hex.length !== HEX_LENGTH[algorithm] || !isHex(hex)) return null;
  return { algorithm, hex: hex.toLowerCase() };
}

/** `<algorithm>:<hex>`, as digests are kept and compared. */
export function formatDigest(algorithm: string, hex: string): string {
  return `${algorithm}:${hex.toLowerCase()}`;
}

/** Whether a text is a digest in the form in which digests are kept: a known algorithm and lower-case hex of its length. */
export function isDigest(text: string): boolean {
  const digest = parseDigest(text);
  return digest !== null && digest.hex === text.slice(digest.algorithm.length + 1);
}

/** A digest as Subresource Integrity metadata, `<algorithm>-<base64>` (W3C SRI, section 3.1). */
export function sri(digest: Digest): string {
  return `${digest.algorithm}-${Buffer.from(digest.hex, 'hex').toString('base64')}`;
}

/**
 * Reads Subresource Integrity metadata (W3C SRI, section 3.5): one or several `<algorithm>-<base64>`, apart by white space, each with options
 * after `?` that mean nothing here. Null when there is none, an algorithm is unknown, or the base64 is not that of a hash of this length.
 */
export function parseSri(text: string): readonly Digest[] | null {
  const digests: Digest[] = [];
  for (const word of text.split(/[\t\n\f\r ]+/)) {
    if (word === '') continue;
    const [, algorithm = '', base64 = ''] = /^([a-z0-9]+)-([A-Za-z0-9+/]+={0,2})(?:\?[!-~]*)?$/.exec(word) ?? [];
    const bytes = Buffer.from(base64, 'base64');
    // Written back, it must be the same: no bits left over, no padding left out.
    const digest = bytes.toString('base64') === base64 ? parseDigest(`${algorithm}:${bytes.toString('hex')}`) : null;
    if (digest === null) return null;
    digests.push(digest);
  }
  return digests.length === 0 ? null : digests;
}

/** Those of the strongest algorithm among digests; none of none. */
export function strongest(digests: readonly Digest[]): readonly Digest[] {
  const algorithm = DIGEST_ALGORITHMS.find((known) => digests.some((digest) => digest.algorithm === known));
  return digests.filter((digest) => digest.algorithm === algorithm);
}

function isHex(text: string): boolean {
  return /^[0-9a-fA-F]*$/.test(text);
}
