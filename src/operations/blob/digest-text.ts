import { RegistryError } from '../../errors/registry-error.ts';
import { formatDigest, parseDigest } from '../../shared/digest.ts';

/** A digest as it is kept, `<algorithm>:<lower-case hex>`. Hex alone is taken as of `algorithm`. Fails with DIGEST_INVALID. */
export function digestText(text: string, algorithm = 'sha256'): string {
  const digest = parseDigest(text.includes(':') ? text : `${algorithm}:${text}`);
  if (digest === null) throw new RegistryError('DIGEST_INVALID');
  return formatDigest(digest.algorithm, digest.hex);
}

/** Whether a blob may be kept under this digest: stores address by sha256, so that nothing is found under any other. */
export function isAddress(digest: string): boolean {
  return digest.startsWith('sha256:');
}
