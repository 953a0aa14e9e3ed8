/** Hex digits of each hash that a digest may name. */
const HEX_LENGTH: Readonly<Record<string, number>> = Object.freeze({
  sha256: 64,
  sha384: 96,
  sha512: 128,
  sha1: 40,
  md5: 32,
});

/** A digest in its two halves; `hex` is lower case. */
export interface Digest {
  readonly algorithm: string;
  readonly hex: string;
}

/** Reads `<algorithm>:<hex>`; upper-case hex is made lower. Null when the algorithm is unknown or the hex has the wrong length or form. */
export function parseDigest(text: string): Digest | null {
  const colon = text.indexOf(':');
  if (colon < 0) return null;
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  if (!Object.hasOwn(HEX_LENGTH, algorithm) || hex.length !== HEX_LENGTH[algorithm] || !isHex(hex)) return null;
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

function isHex(text: string): boolean {
  return /^[0-9a-fA-F]*$/.test(text);
}
