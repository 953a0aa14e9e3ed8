import { createHash } from 'node:crypto';
import type { Subject } from './subjects.ts';

/** What both servers hold when the measuring begins. */
export interface Seed {
  readonly packages: number;
  readonly versionsEach: number;
}

export const SMALL_BLOB_BYTES = 4096;
const AT_ONCE = 8;

/** Path of a seeded package. */
export function packagePath(index: number): string {
  return `/v1/bench/package-${index}`;
}

/** Path of a seeded version; they count up, so that the last one is the latest. */
export function versionPath(index: number, version: number): string {
  return `${packagePath(index)}/1.${version}.0/any`;
}

/** Bytes that differ from name to name and are the same in every run. */
export function blobOf(name: string, size: number): Buffer {
  const block = createHash('sha256').update(name).digest();
  return Buffer.alloc(size, block);
}

/** Entity tag of a seeded version's blob. */
export function blobTag(path: string): string {
  return `"sha256:${createHash('sha256').update(blobOf(path, SMALL_BLOB_BYTES)).digest('hex')}"`;
}

/** Publishes the same packages to a server. Throws when one is refused. */
export async function seed(subject: Subject, { packages, versionsEach }: Seed): Promise<void> {
  const paths: string[] = [];
  for (let index = 0; index < packages; index++) {
    for (let version = 0; version < versionsEach; version++) paths.push(versionPath(index, version));
  }
  const publish = async () => {
    for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
      const response = await fetch(`${subject.url}${path}/blob`, {
        method: 'PUT',
        headers: { authorization: subject.authorization ?? '', 'content-type': 'application/octet-stream' },
        body: new Uint8Array(blobOf(path, SMALL_BLOB_BYTES)),
      });
      if (response.status !== 201)
        throw new Error(`${subject.name} refused ${path}: ${response.status} ${await response.text()}`);
      await response.body?.cancel();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, publish));
}
