import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { recordStores } from '../../src/adapters/index.ts';
import { storeBlob } from '../../src/moving/blob-transfer.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { BIN } from '../cli/moving.ts';
import { ROOT } from '../house/source-files.ts';
import { fillWithTags } from '../support/many-records.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { generateBytes } from './generated-bytes.ts';
import { memoryOf } from './memory-watch.ts';

const MIB = 1024 * 1024;
const VALUE_BYTES = 2000;
/** Both are more than fits in what a process keeps anyway, such as page caches; the larger has three times the records and four times the blob. */
const SMALL = { records: 25_000, blobBytes: 64 * MIB };
const LARGE = { records: 80_000, blobBytes: 256 * MIB };
const MOST_GROWTH = 96 * MIB;
/** What is still needed must fit in this, and garbage is not left lying about, which is told from what grows by nothing else. */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=128 --max-semi-space-size=8' };

const { path: folder, remove } = makeTemporaryFolder();
const small = join(folder, 'small');
const large = join(folder, 'large');
const [smallFile, largeFile] = [join(folder, 'small.tar'), join(folder, 'large.tar')];

beforeAll(async () => {
  for (const [data, { records: count, blobBytes }] of [
    [small, SMALL],
    [large, LARGE],
  ] as const) {
    const records = recordStores.sqlite.open({ name: 'meta', data, path: null, server: null });
    await fillWithTags(records, count, VALUE_BYTES);
    await addArtifact(data, records, blobBytes);
    await records.close();
  }
}, 120_000);
afterAll(remove);

/** A record that names a blob, and the blob. */
async function addArtifact(
  data: string,
  records: ReturnType<typeof recordStores.sqlite.open>,
  size: number,
): Promise<void> {
  const blobs = openFilesystemBlobStore({
    root: join(data, 'blobs'),
    pathTemplate: 'sha256/{digest:0:2}/{digest}',
    maxBlobBytes: size,
    minBlobBytes: 0,
    clock: systemClock,
  });
  const content = generateBytes(size);
  const hash = createHash('sha256');
  for (const piece of content.pieces()) hash.update(piece);
  const digest = `sha256:${hash.digest('hex')}`;
  const pieces = async function* () {
    yield* content.pieces();
  };
  await storeBlob(blobs, { digest, size }, pieces());
  await records.migrate([{ name: 'packages.artifact', indexes: [] }], () => ({}));
  await records.commit({
    id: 'the-artifact',
    checks: [],
    puts: [
      {
        collection: 'packages.artifact',
        key: 'artifact/acme/large/1.0.0/any',
        value: JSON.stringify({
          namespace: 'acme',
          name: 'large',
          version: '1.0.0',
          variant: 'any',
          blob_digest: digest,
        }),
        expiresAt: null,
        rows: {},
      },
    ],
    deletes: [],
    events: [],
  });
}

/** Runs a command to its end and gives the most memory that it had. */
async function peakOf(...args: readonly string[]): Promise<{ readonly peak: number; readonly seconds: number }> {
  const startedAt = performance.now();
  const env = { ...process.env, ...HEAP };
  const child = spawn(BIN, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let peak = 0;
  const timer = setInterval(() => {
    try {
      peak = Math.max(peak, memoryOf(child.pid ?? 0).peak || 0);
    } catch {
      // It has ended.
    }
  }, 10);
  const [, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  clearInterval(timer);
  expect(child.exitCode, stderr).toBe(0);
  return { peak, seconds: (performance.now() - startedAt) / 1000 };
}

const format = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;

describe('peak memory stays flat', () => {
  it.each([
    ['backup', (data: string, file: string) => ['backup', file, '--data', data]],
    ['backup, compressed', (data: string, file: string) => ['backup', `${file}.gz`, '--no-blobs', '--data', data]],
    ['restore --verify-only', (_: string, file: string) => ['restore', file, '--verify-only']],
    ['restore', (data: string, file: string) => ['restore', file, '--data', `${data}-restored`]],
    [
      'migrate',
      (data: string) => [
        ...['migrate', '--from', `sqlite:${data}/meta.sqlite`, '--to', `sqlite:${data}-moved/meta.sqlite`],
        ...['--blobs-from', `${data}/blobs`, '--blobs-to', `${data}-moved/blobs`],
      ],
    ],
  ])('in %s', { timeout: 180_000 }, async (name, argsFor) => {
    const little = await peakOf(...argsFor(small, smallFile));
    const much = await peakOf(...argsFor(large, largeFile));
    const grown = much.peak - little.peak;
    console.log(`${name}: ${much.seconds.toFixed(1)} s; memory ${format(little.peak)} + ${format(grown)}`);
    expect(grown, `memory grew by ${format(grown)}`).toBeLessThan(MOST_GROWTH);
  });

  it('and a backup that is told to stop leaves nothing behind, one that goes through all of it', async () => {
    expect(statSync(largeFile).size).toBeGreaterThan(LARGE.blobBytes + LARGE.records * VALUE_BYTES);
    const before = readdirSync(folder);
    const child = spawn(BIN, ['backup', join(folder, 'stopped.tar'), '--data', large], { cwd: ROOT, stdio: 'ignore' });
    while (readdirSync(folder).length === before.length) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGTERM');
    await once(child, 'close');
    expect(child.exitCode).toBe(143);
    expect(readdirSync(folder)).toEqual(before);
  });
});
