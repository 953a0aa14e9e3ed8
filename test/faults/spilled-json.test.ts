import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { registryOf, reply, route } from '../engine/steps.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { type GeneratedBytes, generateBytes, upload } from './generated-bytes.ts';
import { memoryOf, watchMemory } from './memory-watch.ts';

const MIB = 1024 * 1024;
const SIZE = 192 * MIB;
const MOST_GROWTH = 48 * MIB;
const TIMEOUT_MS = 120_000;

const folder = makeTemporaryFolder();
let server: ServerProcess;

beforeAll(async () => {
  const spill = [{ path: ['files', '*', 'data'], decode: 'base64', algorithms: ['sha1', 'sha512'], expect: null }];
  const routes = [route('keep', [{ op: 'parse.json', args: { spill, out: 'body' } }, reply('$body')], 'PUT')];
  const registry = join(folder.path, 'registry.json');
  writeFileSync(registry, JSON.stringify(registryOf(routes)));
  server = await startServerProcess({ registry, data: join(folder.path, 'data') });
}, 60_000);
afterAll(async () => {
  await server?.stop();
  folder.remove();
});

/** A document that holds the content once, as base64. */
function documentOf(content: GeneratedBytes): GeneratedBytes {
  const before = '{"name":"large","files":{"large.bin":{"data":"';
  const after = '"}}}';
  function* pieces() {
    yield Buffer.from(before);
    let held = Buffer.alloc(0);
    for (const piece of content.pieces()) {
      const bytes = Buffer.concat([held, piece]);
      const whole = bytes.length - (bytes.length % 3);
      held = bytes.subarray(whole);
      yield Buffer.from(bytes.toString('base64', 0, whole));
    }
    yield Buffer.from(held.toString('base64') + after);
  }
  const size = before.length + Math.ceil(content.size / 3) * 4 + after.length;
  return { size, pieces, slice: () => Buffer.alloc(0) };
}

it('base64 in JSON is stored in flat memory', { timeout: TIMEOUT_MS }, async () => {
  const put = (size: number) => upload(`${server.url}/keep`, documentOf(generateBytes(size)), {}, false);
  for (let at = 0; at < 50; at++) expect((await put(20_000 * at)).status).toBe(200);
  const warm = memoryOf(server.pid).current;
  const watch = watchMemory(server.pid);
  const { status, body, seconds } = await put(SIZE);
  const grown = watch.stop() - warm;
  console.log(`${(SIZE / MIB / seconds).toFixed(0)} MiB/s; memory + ${(grown / MIB).toFixed(1)} MiB`);
  expect(status, body.toString()).toBe(200);
  const { size, digests } = JSON.parse(body.toString()).files['large.bin'].data;
  expect([size, Object.keys(digests).sort()]).toEqual([SIZE, ['sha1', 'sha256', 'sha512']]);
  expect(grown).toBeLessThan(MOST_GROWTH);
});

/** Files of the data folder that are larger than a megabyte. */
const largeFiles = () =>
  readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).filter(
    (name) => statSync(join(folder.path, name)).size > MIB,
  );

it('base64 that turns out to be none leaves nothing behind', { timeout: TIMEOUT_MS }, async () => {
  const whole = documentOf(generateBytes(2 * MIB));
  const broken: GeneratedBytes = {
    ...whole,
    *pieces() {
      let at = 0;
      for (const piece of whole.pieces()) {
        if (at++ === 5) piece[100] = 0x20;
        yield piece;
      }
    },
  };
  const before = largeFiles();
  const { status, body } = await upload(`${server.url}/keep`, broken, {}, false);
  expect(status).toBe(400);
  expect(JSON.parse(body.toString()).error).toMatchObject({
    code: 'BASE64_INVALID',
    message: 'The base64 at "/files/large.bin/data" is not valid: white space stands in it',
  });
  expect(largeFiles()).toEqual(before);
  expect((await upload(`${server.url}/keep`, whole, {}, true)).status).toBe(200);
});
