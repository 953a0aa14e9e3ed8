import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillDefinition, startReading } from '../operations/blob-fill-fixture.ts';
import { ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { download, type GeneratedBytes, generateBytes } from './generated-bytes.ts';
import { memoryOf, watchMemory } from './memory-watch.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MOST_GROWTH = 64 * MIB;
const TIMEOUT_MS = 120_000;

const folder = makeTemporaryFolder();
const contents = new Map<string, GeneratedBytes>();
let origin: Server;
let server: ServerProcess;
let asked = 0;

beforeAll(async () => {
  origin = createServer((incoming, response) => {
    asked++;
    const content = contents.get(incoming.url ?? '')!;
    response.writeHead(200, { 'content-length': content.size });
    Readable.from(content.pieces()).pipe(response);
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(folder.path, 'registry.json'), JSON.stringify(fillDefinition({})));
  server = await start();
  for (let at = 0; at < 100; at++) {
    contents.set(`/warm-${at}`, generateBytes(10_000 * at));
    for (let reader = 0; reader < 4; reader++) await download(`${server.url}/files/warm-${at}`);
  }
}, 60_000);
afterAll(async () => {
  await server?.stop();
  origin?.closeAllConnections();
  origin?.close();
  folder.remove();
});

function start(): Promise<ServerProcess> {
  return startServerProcess({
    registry: join(folder.path, 'registry.json'),
    data: join(folder.path, 'data'),
    env: {
      ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD,
      ORIGIN_URL: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
    },
  });
}

function digestOf(content: GeneratedBytes): string {
  const hash = createHash('sha256');
  for (const piece of content.pieces()) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

describe('a fill of 1 GiB', () => {
  it('takes no memory, though one of its readers is slow', { timeout: TIMEOUT_MS }, async () => {
    const content = generateBytes(GIB);
    contents.set('/large', content);
    asked = 0;
    const warm = memoryOf(server.pid).current;
    const watch = watchMemory(server.pid);
    const url = `${server.url}/files/large`;
    const [fast, slow] = await Promise.all([download(url), download(url, 1500)]);
    const grown = watch.stop() - warm;
    console.log(`fill: ${fast.seconds.toFixed(1)} s, ${slow.seconds.toFixed(1)} s; + ${(grown / MIB).toFixed(1)} MiB`);
    const expected = digestOf(content);
    for (const got of [fast, slow]) expect(got).toMatchObject({ status: 200, bytes: GIB, digest: expected });
    expect(asked).toBe(1);
    expect(grown, `memory grew by ${(grown / MIB).toFixed(1)} MiB`).toBeLessThan(MOST_GROWTH);
  });
});

describe('a fill under way when the server is killed', () => {
  it('leaves nothing that anybody sees, and is made anew', { timeout: TIMEOUT_MS }, async () => {
    const content = generateBytes(64 * MIB);
    contents.set('/killed', content);
    const reading = await startReading(`${server.url}/files/killed`);
    await reading.next();
    await server.kill('SIGKILL');
    expect((await reading.rest()).whole).toBe(false);
    server = await start();
    asked = 0;
    const again = await download(`${server.url}/files/killed`);
    expect(again).toMatchObject({ status: 200, digest: digestOf(content), headers: { 'x-from': 'upstream' } });
    expect((await download(`${server.url}/files/killed`)).headers['x-from']).toBe('here');
    expect(asked).toBe(1);
  });
});
