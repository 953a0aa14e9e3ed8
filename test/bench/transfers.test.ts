import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { largeCases, publishFetched } from '../../bench/large.ts';
import { transferCells } from '../../bench/report.ts';
import { type Subject, startFloor, startHandWritten } from '../../bench/subjects.ts';
import { measureTransfer, type Transfer } from '../../bench/transfers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const EFFORT = { rounds: 1, seconds: 0, fewest: 1 };
const SMALL: Transfer = {
  name: 'small',
  title: 'publish 300 KiB',
  method: 'PUT',
  bytes: 300 * 1024,
  connections: 2,
  path: (_, count) => `/v1/bench/small/0.${count}.0/any/blob`,
};

test('large bodies are fetched from a server by hand, which streams them, and from a constant', async () => {
  const hand = await startHandWritten(temporaryFolder(), null);
  onTestFinished(() => hand.stop());
  const floor = await startFloor('node', null);
  onTestFinished(() => floor.stop());
  await publishFetched(hand);
  const [fetching] = largeCases();
  if (fetching === undefined) throw new Error('There is no row');
  const row = await measureTransfer(fetching.transfer, [hand, floor], EFFORT);
  expect(row.results).toMatchObject([
    { subject: 'by hand', ratio: null, times: 1 },
    { subject: 'node:http', ratio: { median: expect.any(Number) }, times: 1 },
  ]);
  const published = await measureTransfer(SMALL, [hand, floor], EFFORT);
  expect(published.results[0]?.mibPerSecond).toBeGreaterThan(0);
  expect(transferCells([row, published]).map(([title]) => title)).toEqual([
    '',
    'GET a blob of 50 MiB (1)',
    '',
    'publish 300 KiB (2)',
    '',
  ]);
}, 120_000);

test('a transfer that is refused, that breaks off, or that is of other bytes ends the run', async () => {
  const answering = async (status: number, answer: (size: number) => object | null): Promise<Subject> => {
    const server = createServer((request, response) => {
      let size = 0;
      request.on('data', (chunk: Buffer) => {
        size += chunk.byteLength;
      });
      request.on('end', () => {
        const body = answer(size);
        if (body === null) response.destroy();
        else response.writeHead(status).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return {
      name: 'fake',
      url: `http://127.0.0.1:${port}`,
      pid: process.pid,
      authorization: 'x',
      stop: async () => {},
    };
  };
  const measure = (...subjects: Subject[]) => measureTransfer(SMALL, subjects, EFFORT);
  await expect(measure(await answering(500, () => ({})))).rejects.toThrow('answered 500');
  await expect(measure(await answering(201, () => null))).rejects.toThrow();
  await expect(measure(await answering(201, (size) => ({ size: size - 1 })))).rejects.toThrow('took less than');
  const one = await answering(201, (size) => ({ size, digest: 'a' }));
  const other = await answering(201, (size) => ({ size, digest: 'b' }));
  await expect(measure(one, other)).rejects.toThrow('do not agree');
});
