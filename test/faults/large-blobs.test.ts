import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { download, type GeneratedBytes, generateBytes, type Transfer, upload } from './generated-bytes.ts';
import { memoryOf, watchMemory } from './memory-watch.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MOST_GROWTH = 64 * MIB;
const TIMEOUT_MS = 120_000;

const folder = makeTemporaryFolder();
let server: ServerProcess;
/** The server's memory when it has served small blobs and is idle. */
let warm: number;

beforeAll(async () => {
  server = await startServerProcess({ data: folder.path, env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD } });
  await serveSmallOnes();
  warm = memoryOf(server.pid).current;
}, 60_000);
afterAll(async () => {
  await server?.stop();
  folder.remove();
});

/** What any server does all day, so that what a large blob adds is told apart from what any request takes. */
async function serveSmallOnes(): Promise<void> {
  for (let at = 0; at < 100; at++) {
    const url = urlOf(`warm-${at}`);
    const content = generateBytes(1000 * at);
    const sent = await upload(url, content, ADMIN, at % 2 === 0);
    for (let reader = 0; reader < 4; reader++) expect((await download(url)).digest).toBe(sent.digest);
  }
}

const urlOf = (name: string) => `${server.url}/v1/large/${name}/1.0.0/any/blob`;

/** Runs a transfer and holds the server to its bound on memory. */
async function inFlatMemory(what: string, transfer: () => Promise<Transfer>): Promise<Transfer> {
  const watch = watchMemory(server.pid);
  const done = await transfer();
  const grown = watch.stop() - warm;
  const speed = done.bytes / MIB / done.seconds;
  console.log(
    `${what}: ${done.seconds.toFixed(1)} s, ${speed.toFixed(0)} MiB/s; memory ${format(warm)} + ${format(grown)}`,
  );
  expect(grown, `memory grew by ${format(grown)}`).toBeLessThan(MOST_GROWTH);
  return done;
}

const format = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;

describe('a blob of 1 GiB', () => {
  const contents: Record<string, GeneratedBytes> = {};
  const digests: Record<string, string> = {};

  it.each([
    ['declared', false],
    ['chunked', true],
  ])('goes up in flat memory (%s length)', { timeout: TIMEOUT_MS }, async (name, chunked) => {
    const content = generateBytes(GIB);
    const sent = await inFlatMemory(`upload, ${name}`, () => upload(urlOf(name), content, ADMIN, chunked));
    expect(sent.status, sent.body.toString()).toBe(201);
    expect(JSON.parse(sent.body.toString())).toEqual({ ok: true, digest: sent.digest, size: GIB });
    contents[name] = content;
    digests[name] = sent.digest;
  });

  it.each([
    ['declared', 0],
    // What a reader who stops for a while does not take stays on the disk.
    ['chunked', 1500],
  ])(
    'comes back in flat memory with the same hash (the one of %s length, pause of %i ms)',
    {
      timeout: TIMEOUT_MS,
    },
    async (name, pauseMs) => {
      const got = await inFlatMemory(`download, pause of ${pauseMs} ms`, () => download(urlOf(name), pauseMs));
      expect(got).toMatchObject({ status: 200, bytes: GIB, digest: digests[name] });
      expect(got.headers).toMatchObject({
        'content-length': String(GIB),
        etag: `"${digests[name]}"`,
        'accept-ranges': 'bytes',
      });
    },
  );

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=536870001-536999999', 536_870_001, 537_000_000],
    ['bytes=-100001', GIB - 100_001, GIB],
    [`bytes=${GIB - 5}-${GIB + 5}`, GIB - 5, GIB],
  ])('answers the range %s', async (range, start, end) => {
    const response = await fetch(urlOf('declared'), { headers: { range } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${GIB}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.equals(contents.declared!.slice(start, end))).toBe(true);
  });

  it('answers conditions, HEAD and a range beyond it without opening it', async () => {
    const etag = `"${digests.declared}"`;
    const unchanged = await fetch(urlOf('declared'), { headers: { 'if-none-match': etag } });
    expect([unchanged.status, await unchanged.text(), unchanged.headers.get('etag')]).toEqual([304, '', etag]);
    const head = await fetch(urlOf('declared'), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), head.headers.get('etag')]).toEqual([
      200,
      String(GIB),
      etag,
    ]);
    const beyond = await fetch(urlOf('declared'), { headers: { range: `bytes=${GIB}-` } });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${GIB}`]);
    const changed = await fetch(urlOf('declared'), { headers: { range: 'bytes=0-9', 'if-range': '"other"' } });
    expect([changed.status, changed.headers.get('content-length')]).toEqual([200, String(GIB)]);
    await changed.body!.cancel();
  });
});
