import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fillRegistry } from '../../bench/growth-data.ts';
import { whileConnected, whileUploading } from '../../bench/growth-memory.ts';
import { growthCells, memoryCells } from '../../bench/growth-report.ts';
import { GROWTH_ROWS } from '../../bench/growth-rows.ts';
import { PROJECT, startRegistryOn } from '../../bench/subjects.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SIZE = 1000;

test('a registry that the growth run fills answers each of its rows as that asks', async () => {
  const data = join(temporaryFolder(), 'data');
  const filled = await fillRegistry(PROJECT, data, SIZE, () => undefined);
  expect(filled).toMatchObject({ size: SIZE, blobs: SIZE });
  const subject = await startRegistryOn(PROJECT, data, 'correct horse battery', null);
  onTestFinished(() => subject.stop());

  for (const row of GROWTH_ROWS) {
    const load = await row.load({ subject, size: SIZE });
    for (const asked of load.requests(subject)) {
      const { method, path, headers, body } =
        typeof asked.setupRequest === 'function' ? asked.setupRequest(asked, {}) : asked;
      const response = await fetch(subject.url + path, {
        method: method ?? 'GET',
        headers: { ...headers } as Record<string, string>,
        body: body === undefined ? null : new Uint8Array(Buffer.from(body)),
      });
      const bytes = (await response.arrayBuffer()).byteLength;
      expect(response.status, `${row.name} ${path}`).toBe(load.status);
      // The load counts the head, too.
      expect(bytes + 400, `${row.name} ${path}`).toBeGreaterThan(load.minBytes);
    }
  }

  const path = '/v1/bench/large/latest';
  expect(await whileConnected(subject, { path, counts: [0, 10], warmUpRequests: 20 })).toEqual([
    expect.any(Number),
    expect.any(Number),
  ]);
  const slow = { path: (upload: number) => `/v1/bench/slow/0.${upload}.0/any/blob`, uploads: 2, sentKib: [64] };
  expect(await whileUploading(subject, slow)).toHaveLength(2);
  await expect(
    whileConnected(subject, { path: '/v1/bench/nothing/latest', counts: [1], warmUpRequests: 0 }),
  ).rejects.toThrow('answered HTTP/1.1 404');
  const wrong = { ...subject, authorization: 'Bearer nobody' };
  await expect(whileUploading(wrong, slow)).rejects.toThrow(/ended|closed|EPIPE|ECONNRESET/);
}, 120_000);

test('the tables of a growth run have what was measured and nothing else', () => {
  const none = { machine: {}, fillings: [], starts: [], rows: [], connections: [], uploads: [] };
  expect(growthCells(none)).toEqual([]);
  expect(memoryCells(none)).toEqual([]);
  const sizes = [1000, 1_000_000];
  const run = {
    ...none,
    fillings: sizes.map((size) => ({ size, blobs: 10, loadSeconds: 1, indexSeconds: 2, blobSeconds: 3 })),
    starts: sizes.map((size) => ({ size, startMs: size / 10, residentMib: null })),
    rows: [
      {
        name: 'latest',
        title: 'GET .../latest',
        connections: 8,
        sizes: sizes.map((size) => ({ size, requestsPerSecond: 1234.5, p50Ms: 0.5, p99Ms: 2 })),
        growth: { median: 1.5, lowest: 1.25, highest: 2 },
        processorGrowth: null,
      },
    ],
    connections: [0, 1024].map((connections) => ({ subject: 'registry', connections, residentMib: 100 + connections })),
    uploads: [0, 64].map((sentKibEach) => ({ subject: 'registry', uploads: 4, sentKibEach, residentMib: 100 })),
  };
  expect(growthCells(run)).toEqual([
    ['req/s, p50 / p99 ms', '1 000 versions', '1 000 000 versions', 'growth', 'of processor time'],
    ['GET .../latest (8)', '1 235, 0.5 / 2', '1 235, 0.5 / 2', '1.5 (1.25-2)', ''],
    ['start until the first answer, ms', '100', '100000', '1000', ''],
    ['resident memory when idle, MiB', '?', '?', '', ''],
  ]);
  expect(memoryCells(run)).toEqual([
    ['', '', 'resident MiB', 'KiB for each'],
    ['registry', 'no connection', '100', ''],
    ['registry', '1 024 idle connections', '1124', '1024'],
    ['registry', 'no upload', '100', ''],
    ['registry', '4 uploads that stand still after 64 KiB', '100', '0'],
  ]);
});
