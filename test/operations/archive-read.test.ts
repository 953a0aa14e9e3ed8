import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { ask, registryOf, reply, route } from '../engine/steps.ts';
import { openTestRegistry } from '../support/registry.ts';
import { gzipped, repeated, tarEnd, tarFile, tarHeader, zipOf } from './archives.ts';

const GIB = 1024 ** 3;
const put = { op: 'blob.put', args: { from: 'request.body', expect: null, out: 'blob' } };
const read = (extra: object) => ({ op: 'archive.read', args: { out: 'files', out_summary: 'summary', ...extra } });
const answer = reply({ files: '$files', summary: '$summary' });

const open = () =>
  openTestRegistry(
    registryOf([
      route('zip', [put, read({ from: '$blob', format: 'zip', files: ['*/META'] }), answer]),
      route('tar', [put, read({ from: '$blob', format: 'tar.gz', files: ['META'], strip: 1 }), answer]),
      route('stream', [read({ from: 'request.body', format: 'tar.gz', files: ['META'] }), answer]),
    ]),
    { kind: 'sqlite' },
  );

test('reads large archives out of the blob store', async () => {
  const { send } = await open();
  const large = randomBytes(20_000_000);
  const meta = 'name: large\n';
  const zip = zipOf([
    { name: 'a/large', content: large },
    { name: 'a/META', content: Buffer.from(meta) },
    ...Array.from({ length: 3000 }, (_, index) => ({ name: `a/${index}`, content: Buffer.from(`${index}`) })),
  ]);
  const bytes = 20_000_012 + 10 + 180 + 2700 + 8000;
  expect((await send('POST', '/zip', { body: zip })).json).toEqual({
    files: [{ path: 'a/META', size: 12, text: meta }],
    summary: { entries: 3002, files: 3002, bytes },
  });
  const tar = gzipped(Buffer.concat([tarFile('a/large', large), tarFile('a/META', meta), tarEnd]));
  expect((await send('POST', '/tar', { body: tar })).json).toEqual({
    files: [{ path: 'META', size: 12, text: meta }],
    summary: { entries: 2, files: 2, bytes: 20_000_012 },
  });
});

test('stops unpacking when the client goes', async () => {
  const { registry } = await open();
  const gone = new AbortController();
  let sent = 0;
  const body = function* () {
    yield gzipped(tarHeader('a/large', GIB));
    for (const member of repeated(Buffer.alloc(1024 ** 2), 1024)) {
      sent += 1;
      if (sent === 50) gone.abort(new Error('gone'));
      yield member;
    }
  };
  const answered = registry.handle({
    method: 'POST',
    target: '/stream',
    headers: [],
    body: Readable.from(body(), { objectMode: false, highWaterMark: 1 }),
    contentLength: null,
    ip: '127.0.0.1',
    baseUrl: 'http://registry.test',
    signal: gone.signal,
  });
  expect((await answered).status).toBeGreaterThanOrEqual(400);
  expect(sent).toBeLessThan(200);
});

test('passes on what its source fails with', async () => {
  const { registry } = await open();
  const body = Readable.from([gzipped(tarFile('META', 'x')).subarray(0, 20)], { objectMode: false });
  const { status, bytes } = await ask(registry, 'POST', '/stream', { body, contentLength: 100 });
  expect([status, JSON.parse(bytes.toString()).error.code]).toEqual([400, 'BODY_TRUNCATED']);
});
