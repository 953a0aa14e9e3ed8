import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { BlobStoreDefinition } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { BlobContent, BlobStore } from '../ports/blob-store.ts';
import { attempt, type Check, must } from './report.ts';

const LEASE_MS = 60_000;

/** Content addressing, on a store that may be written to. */
export async function verifyBlobStore(
  name: string,
  store: BlobStore,
  limits: BlobStoreDefinition | undefined,
): Promise<readonly Check[]> {
  const bytes = randomBytes(Math.min(Math.max(limits?.minBlobBytes ?? 0, 4096), limits?.maxBlobBytes ?? 4096));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const put = (expected: string | null) =>
    store.put(Readable.from([bytes]), { leaseMs: LEASE_MS, expect: { digest: expected } });
  return [
    await attempt(`blobs of ${name} are addressed by their content`, async () => {
      const first = await put(null);
      must(first.digest === digest && first.size === bytes.length, `Stored as ${first.digest}, is ${digest}`);
      const content = await store.get(digest);
      must(content !== null && (await bytesOf(content)).equals(bytes), 'The bytes read are not those that were put');
      const part = await store.get(digest, { start: 1, end: 1 });
      const expected = bytes.subarray(1, 2);
      must(
        bytes.length < 2 || (part !== null && (await bytesOf(part)).equals(expected)),
        'A range is not what was asked',
      );
    }),
    await attempt(`blobs of ${name} are stored once`, async () => {
      const again = await put(digest);
      must(again.existed === true && again.digest === digest, 'Equal content was stored a second time');
      const listed = (await store.list(null, 1000)).filter((stat) => stat.digest === digest);
      must(listed.length === 1, `The blob is listed ${listed.length} times`);
    }),
    await attempt(`blobs of ${name} that are not what they should be are refused`, async () => {
      const before = (await store.list(null, 1000)).length;
      const code = await put(`sha256:${'0'.repeat(64)}`).then(
        () => 'no error',
        (thrown: unknown) => (thrown instanceof RegistryError ? thrown.code : String(thrown)),
      );
      must(code === 'DIGEST_MISMATCH', `A wrong digest gave ${code}`);
      must((await store.list(null, 1000)).length === before, 'Something was left behind');
    }),
    await attempt(`blobs of ${name} are gone when they are deleted`, async () => {
      must(await store.delete(digest), 'There was nothing to delete');
      must((await store.get(digest)) === null && (await store.stat(digest)) === null, 'The blob is still there');
    }),
  ];
}

/** All of a blob's (or range's) bytes. */
export async function bytesOf({ bytes, stream }: BlobContent): Promise<Buffer> {
  return bytes === null ? Buffer.concat((await stream?.toArray()) ?? []) : Buffer.from(bytes);
}
