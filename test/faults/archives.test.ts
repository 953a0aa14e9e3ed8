import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { type Archive, packInstalledPackages } from './archives.ts';
import { FAULT_ROUNDS, FAULT_SEED } from './fault-plan.ts';
import { transientFiles } from './inspect-data.ts';
import { readLedger } from './ledger.ts';
import type { Upload } from './publish-client.ts';
import { expectWhole, fetchAll, fetchDigest, publishAll } from './publishing.ts';
import { createRandom } from './random.ts';

const ARCHIVES = 120;
const UPLOAD_BYTES = 128 * 1024 * 1024;

const folder = makeTemporaryFolder();
const data = join(folder.path, 'data');
const ledger = join(folder.path, 'ledger');
const place = { folder: folder.path, data, ledger };
const random = createRandom(FAULT_SEED);
let archives: readonly Archive[];

beforeAll(async () => {
  archives = await packInstalledPackages(folder.path, ARCHIVES);
}, 120_000);
afterAll(folder.remove);

/** A server on the data folder, with what the package has by default. */
async function start(): Promise<ServerProcess> {
  const server = await startServerProcess({ data, env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD } });
  onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
  return server;
}

const uploadsOf = (round: number): Upload[] =>
  archives.flatMap(({ file, target }, position) => {
    const upload = { file, target: target.replace(/\/blob$/, `-${round}/blob`), mark: `round ${round}, ${file}` };
    // Some content comes under two names at about the same time.
    return position % 8 === 0
      ? [upload, { ...upload, target: upload.target.replace('/v1/', '/v1/copies-') }]
      : [upload];
  });

describe('real archives on the embedded stores', () => {
  it('are published 8 at a time and come back byte for byte', { timeout: 120_000 }, async () => {
    expect(archives.length).toBeGreaterThanOrEqual(100);
    const server = await start();
    const startedAt = performance.now();
    await publishAll(
      server,
      archives.map(({ file, target }) => ({ file, target, mark: null })),
      place,
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const bytes = archives.reduce((sum, { size }) => sum + size, 0);
    console.log(`${archives.length} archives, ${(bytes / 1e6).toFixed(1)} MB, published in ${seconds.toFixed(1)} s`);
    const entries = [...readLedger(ledger)];
    expect(entries.filter(([, { acknowledged }]) => !acknowledged)).toEqual([]);
    expect(await fetchAll(server, ledger)).toEqual(new Map(archives.map(({ target, digest }) => [target, digest])));
    await server.stop();
    const again = await start();
    expect(await expectWhole(again, place)).toEqual([]);
    await again.stop();
  });

  it('survive kill -9 in the middle of further rounds: acknowledged ones whole, others whole or absent', {
    timeout: 60_000 + FAULT_ROUNDS * 30_000,
  }, async () => {
    console.log(`FAULT_SEED=${FAULT_SEED} FAULT_ROUNDS=${FAULT_ROUNDS}`);
    let server = await start();
    for (let round = 1; round <= FAULT_ROUNDS; round++) {
      const uploads = uploadsOf(round);
      const killAfter = random(1, uploads.length - 20);
      const delayMs = random(0, 12);
      let killed: Promise<unknown> | null = null;
      const answers = await publishAll(server, uploads, place, (count) => {
        if (count >= killAfter) killed ??= sleep(delayMs).then(() => server.kill('SIGKILL'));
      });
      expect([...answers.keys()]).toEqual(['201']);
      await killed;
      server = await start();
      const absent = await expectWhole(server, place);
      const answered = [...readLedger(ledger).values()].filter(({ acknowledged }) => acknowledged).length;
      console.log(
        `round ${round}: killed after ${killAfter} answers and ${delayMs} ms; ${answered} acknowledged, ${absent.length} absent`,
      );
    }
    // What was cut off can be published anew, and nothing stands in its way.
    await publishAll(server, Array.from({ length: FAULT_ROUNDS }, (_, round) => uploadsOf(round + 1)).flat(), place);
    expect(await expectWhole(server, place)).toEqual([]);
    expect(readLedger(ledger).size).toBe(archives.length + FAULT_ROUNDS * uploadsOf(1).length);
    await server.stop();
  });

  it('leave nothing when the server is killed in the middle of a large upload', { timeout: 60_000 }, async () => {
    const server = await start();
    const target = '/v1/large/upload/1.0.0/any/blob';
    const headers = { ...ADMIN, 'content-length': UPLOAD_BYTES };
    const upload = request(server.url + target, { method: 'PUT', headers });
    const failed = new Promise<Error>((resolve) => upload.once('error', resolve));
    upload.write(Buffer.alloc(UPLOAD_BYTES / 2, 'x'));
    await expect.poll(() => largestTransient(), { timeout: 20_000 }).toBeGreaterThan(UPLOAD_BYTES / 8);
    await server.kill('SIGKILL');
    await failed;
    expect(await largestTransient()).toBeGreaterThan(UPLOAD_BYTES / 8);

    const again = await start();
    expect(await fetchDigest(again, target)).toBeNull();
    expect(await expectWhole(again, place)).toEqual([]);
    const body = Buffer.alloc(1000, 'y');
    const response = await fetch(again.url + target, { method: 'PUT', headers: ADMIN, body });
    expect(response.status).toBe(201);
    expect(await fetchDigest(again, target)).toBe(`sha256:${createHash('sha256').update(body).digest('hex')}`);
    await again.stop();
  });
});

async function largestTransient(): Promise<number> {
  const sizes = await Promise.all(
    (await transientFiles(data)).map(async (name) => (await stat(join(data, 'blobs', name))).size),
  );
  return Math.max(0, ...sizes);
}
