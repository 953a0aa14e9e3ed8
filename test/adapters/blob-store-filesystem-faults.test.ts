import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFilesystemBlobStore } from '../../src/adapters/blob-store/filesystem.ts';
import { type FileIo, nodeFileIo } from '../../src/adapters/blob-store/filesystem-io.ts';
import { guardBlobStore } from '../../src/adapters/guards/blob-store.ts';
import { digestOf, inChunks, makeBytes, putBytes, putWhole, readContent } from '../conformance/blob-content.ts';
import { createFakeClock, type FakeClock } from '../conformance/fake-clock.ts';

let root: string;
let clock: FakeClock;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'blobs-'));
  clock = createFakeClock();
});
afterEach(() => rm(root, { recursive: true }));

const pathTemplate = '{digest:0:2}/{digest}';

function open(io: Partial<FileIo> = {}, maxBlobBytes = 1e9) {
  const files = { ...nodeFileIo, ...io };
  return guardBlobStore(
    openFilesystemBlobStore({ root, pathTemplate, maxBlobBytes, minBlobBytes: 0, clock, io: files }),
  );
}

function pathOf(bytes: Uint8Array): string {
  const hex = digestOf(bytes).slice(7);
  return join(root, hex.slice(0, 2), hex);
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Every file below the root, without the one that leases are names of. */
async function files(): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return found.filter((path) => path !== join(root, '.lease'));
}

/** The calls that do at once what others do by the thread pool. */
const AT_ONCE: Readonly<Record<string, keyof FileIo>> = {
  open: 'createNow',
  write: 'writeNow',
  close: 'closeNow',
  rename: 'renameNow',
};

/** Of a disk that takes its time: what follows goes by the thread pool. */
const SLOW: Partial<FileIo> = {
  linkNow(file, name) {
    const end = performance.now() + 40;
    while (performance.now() < end);
    nodeFileIo.linkNow(file, name);
  },
};

describe.each<[string, Partial<FileIo>]>([
  ['a disk that keeps up', {}],
  ['a slow disk', SLOW],
])('faults under a put, on %s', (_, disk) => {
  const faults: [string, string, string][] = [
    ['open', 'ENOSPC', 'STORE_FULL'],
    ['write', 'ENOSPC', 'STORE_FULL'],
    ['write', 'EDQUOT', 'STORE_FULL'],
    ['write', 'EIO', 'BLOB_STORE_FAILURE'],
    ['fsync', 'EIO', 'BLOB_STORE_FAILURE'],
    ['close', 'EIO', 'BLOB_STORE_FAILURE'],
    ['mkdir', 'ENOSPC', 'STORE_FULL'],
    ['rename', 'EROFS', 'BLOB_STORE_FAILURE'],
    ['rename', 'ENOENT', 'BLOB_STORE_FAILURE'],
  ];

  it.each(faults)('%s failing with %s is %s and leaves nothing', async (method, code, expected) => {
    let isFailing = false;
    const broken = async () => {
      throw errno(code);
    };
    const brokenNow = () => {
      throw errno(code);
    };
    type Call = (...parameters: unknown[]) => unknown;
    const failing = (name: string, fault: Call) => {
      const original = nodeFileIo[name as keyof FileIo] as Call;
      return { [name]: (...parameters: unknown[]) => (isFailing ? fault() : original(...parameters)) };
    };
    const atOnce = AT_ONCE[method];
    const store = open({
      ...disk,
      ...failing(method, broken),
      ...(atOnce === undefined ? {} : failing(atOnce, brokenNow)),
    });
    for (const put of [putBytes, putWhole]) {
      for (const bytes of [makeBytes(10), makeBytes(200_000)]) {
        isFailing = true;
        const failure = await put(store, bytes).catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: expected, cause: { code } });
        isFailing = false;
        await store.sweep(() => false);
        expect(await files()).toEqual([]);
        expect(await store.get(digestOf(bytes))).toBeNull();
      }
    }
    const put = await putBytes(store, makeBytes(10));
    expect(put.existed).toBe(false);
    expect(await readContent(await store.get(put.digest))).toEqual(makeBytes(10));
  });

  it('goes on after a write that took only some of the bytes', async () => {
    const store = open({
      ...disk,
      write: (fd, bytes, position) => nodeFileIo.write(fd, bytes.subarray(0, 1000), position),
      writeNow: (fd, bytes, position) => nodeFileIo.writeNow(fd, bytes.subarray(0, 1000), position),
    });
    const bytes = makeBytes(150_000);
    const { digest } = await putBytes(store, bytes);
    expect(await readContent(await store.get(digest))).toEqual(bytes);
    const upload = await store.uploads.open(1000);
    await store.uploads.append(upload.id, 0, inChunks(bytes, 40_000));
    expect((await store.uploads.finish(upload.id, { leaseMs: 10 })).existed).toBe(true);
  });

  it.each(['append', 'finish'] as const)('says that an upload was cancelled in the middle of %s', async (what) => {
    let onOpen = async () => {};
    const store = open({
      async open(path, flags) {
        if (path.startsWith(join(root, 'uploads')) && flags !== 'wx') await onOpen();
        return nodeFileIo.open(path, flags);
      },
    });
    const { uploads } = store;
    const { id } = await uploads.open(1000);
    await uploads.append(id, 0, inChunks(makeBytes(10), 5));
    onOpen = async () => expect(await uploads.cancel(id)).toBe(true);
    const more = inChunks(makeBytes(100_000), 70_000);
    const work = what === 'append' ? uploads.append(id, 10, more) : uploads.finish(id, { leaseMs: 10 });
    await expect(work).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    expect(await files()).toEqual([]);
  });

  it('makes a folder again that somebody removed', async () => {
    const store = open(disk);
    const { digest } = await putBytes(store, makeBytes(10));
    await store.delete(digest);
    await rm(join(root, digest.slice(7, 9)), { recursive: true });
    expect((await putBytes(store, makeBytes(10))).existed).toBe(false);
    expect(await readContent(await store.get(digest))).toEqual(makeBytes(10));
  });

  it('syncs the content before it is named, and every new folder before it answers', async () => {
    const steps: string[] = [];
    const names = new Map<number, string>();
    const named = (fd: number, path: string) => {
      names.set(fd, path.startsWith(join(root, 'tmp')) ? 'content' : path.slice(root.length));
      return fd;
    };
    const store = open({
      ...disk,
      open: async (path, flags) => named(await nodeFileIo.open(path, flags), path),
      createNow: (path) => named(nodeFileIo.createNow(path), path),
      writeNow: (fd, bytes, position) => {
        steps.push(`write ${names.get(fd)}`);
        return nodeFileIo.writeNow(fd, bytes, position);
      },
      renameNow: (from, to) => {
        steps.push('name');
        nodeFileIo.renameNow(from, to);
      },
      openFolderNow(path) {
        const fd = nodeFileIo.openFolderNow(path);
        names.set(fd, path.slice(root.length));
        return fd;
      },
      write: (fd, bytes, position) => {
        steps.push(`write ${names.get(fd)}`);
        return nodeFileIo.write(fd, bytes, position);
      },
      fsync: (fd) => {
        steps.push(`sync ${names.get(fd)}`);
        return nodeFileIo.fsync(fd);
      },
      rename: (from, to) => {
        steps.push('name');
        return nodeFileIo.rename(from, to);
      },
    });
    const folder = `/${digestOf(makeBytes(10)).slice(7, 9)}`;
    await putBytes(store, makeBytes(10));
    const first = steps.splice(0);
    // The new folder is made durable meanwhile.
    expect(first.filter((step) => step !== 'sync ')).toEqual([
      'write content',
      'sync content',
      'name',
      `sync ${folder}`,
    ]);
    expect(first.indexOf('sync ')).toBeGreaterThanOrEqual(0);
    expect(first.indexOf('sync ')).toBeLessThan(first.indexOf('name'));
    await putBytes(store, makeBytes(10));
    expect(steps).toEqual([`sync ${folder}`]);
  });

  it.each([
    ['no links', 'EPERM'],
    ['as many names as a file can have', 'EMLINK'],
  ])('makes a file for each lease where there are %s', async (_, code) => {
    const store = open({
      link: () => Promise.reject(errno(code)),
      linkNow: () => {
        throw errno(code);
      },
    });
    const { lease, digest } = await putBytes(store, makeBytes(10));
    expect(await readdir(join(root, 'leases'))).toHaveLength(1);
    await store.release(lease, false);
    expect(await store.sweep(() => false)).toMatchObject({ deletedBlobs: 1 });
    expect(await store.get(digest)).toBeNull();
    expect(await files()).toEqual([]);
  });

  it('says what ails it', async () => {
    const store = open({ write: () => Promise.reject(errno('ENOSPC')) });
    expect(await store.health()).toMatchObject({ ok: false, reason: expect.stringContaining('ENOSPC') });
    expect(await files()).toEqual([]);
  });
});

describe('damaged blobs', () => {
  const small = makeBytes(5000);
  const large = makeBytes(500_000);

  it.each([
    ['cut short', small, (path: string) => truncate(path, 100), false],
    ['emptied', small, (path: string) => truncate(path, 0), false],
    ['changed', small, (path: string) => writeFile(path, makeBytes(5000, 2)), true],
    ['cut short while known', small, (path: string) => truncate(path, 100), true],
    ['cut short, large, while known', large, (path: string) => truncate(path, 400_000), true],
    ['cut short, large', large, (path: string) => truncate(path, 100), false],
  ] as const)('one that was %s is set aside once, and healed by a put', async (name, bytes, damage, sameStore) => {
    const first = open();
    const { digest } = await putBytes(first, bytes);
    await damage(pathOf(bytes));
    const store = sameStore && name !== 'changed' ? first : open();
    await expect((async () => store.get(digest))()).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
    expect(await store.get(digest)).toBeNull();
    expect(await readdir(join(root, 'quarantine'))).toHaveLength(1);
    expect((await putBytes(store, bytes)).existed).toBe(false);
    expect(await readContent(await store.get(digest))).toEqual(bytes);
  });

  it('of another size is replaced by a put', async () => {
    const { digest } = await putBytes(open(), small);
    await truncate(pathOf(small), 100);
    const store = open();
    expect((await putBytes(store, small)).existed).toBe(false);
    expect(await readContent(await store.get(digest))).toEqual(small);
  });

  it('fails a stream that finds the file shorter than it was, or unreadable', async () => {
    let isFailing = false;
    const store = open({
      read: (fd, into, position) => (isFailing ? Promise.reject(errno('EIO')) : nodeFileIo.read(fd, into, position)),
    });
    const { digest } = await putBytes(store, large);
    const content = await store.get(digest);
    await truncate(pathOf(large), 300_000);
    await expect(readContent(content)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' });
    await putBytes(store, large);
    const other = await store.get(digest);
    isFailing = true;
    await expect(readContent(other)).rejects.toMatchObject({ code: 'BLOB_STORE_FAILURE', cause: { code: 'EIO' } });
  });
});

describe('what a killed process leaves', () => {
  /** Runs a process on the folder until it says that it is ready, and kills it. */
  async function runAndKill(body: string): Promise<void> {
    const module = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)));
    const script = join(root, 'script.ts');
    await writeFile(
      script,
      `import { openFilesystemBlobStore } from ${module('adapters/blob-store/filesystem.ts')};
      import { systemClock } from ${module('shared/clock.ts')};
      const store = openFilesystemBlobStore({ root: ${JSON.stringify(root)}, pathTemplate: ${JSON.stringify(pathTemplate)},
        maxBlobBytes: 1e9, minBlobBytes: 0, clock: systemClock });
      const never = new Promise(() => setInterval(() => {}, 1000));
      ${body}
      console.log('ready');
      await never;`,
    );
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await rm(script);
  }

  it('its leases have ended, its temporary files go', async () => {
    await runAndKill(`
      async function* whole() { yield Buffer.from('whole'); }
      async function* half(tell) { yield Buffer.alloc(200_000); tell(); await never; }
      await store.put(whole(), { leaseMs: 3_600_000 });
      await new Promise((tell) => store.put(half(tell), { leaseMs: 3_600_000 }));`);
    const store = open();
    const digest = digestOf(Buffer.from('whole'));
    expect(await readdir(join(root, 'tmp'))).toHaveLength(1);
    expect(await store.list(null, 10)).toEqual([{ digest, size: 5 }]);
    expect(await store.sweep(() => true)).toEqual({ deletedBlobs: 0, deletedTemporaryFiles: 1 });
    expect(await readContent(await store.get(digest))).toEqual(Buffer.from('whole'));
  });

  it('its blobs go when no record names them, unless somebody else holds them', async () => {
    await runAndKill(`
      for (const text of ['held', 'free']) {
        await store.put((async function* () { yield Buffer.from(text); })(), { leaseMs: 3_600_000 });
      }`);
    const store = open();
    await store.lease(digestOf(Buffer.from('held')), 1000);
    expect(await store.sweep(() => false)).toMatchObject({ deletedBlobs: 1 });
    expect((await store.list(null, 10)).map((blob) => blob.size)).toEqual([4]);
    expect(await store.stat(digestOf(Buffer.from('held')))).not.toBeNull();
  });

  it.each([true, false])('what its sweeper had taken aside is decided on (named by a record: %s)', async (isNamed) => {
    await runAndKill(`
      const put = await store.put((async function* () { yield Buffer.from('aside'); })(), { leaseMs: 1000 });
      await store.release(put.lease, false);
      let asked = 0;
      await Promise.race([
        new Promise((tell) => store.sweep(() => (++asked === 2 ? (tell(undefined), never) : false))),
      ]);`);
    const digest = digestOf(Buffer.from('aside'));
    const store = open();
    expect(await readdir(join(root, 'aside'))).toHaveLength(1);
    expect(await readContent(await store.get(digest))).toEqual(Buffer.from('aside'));
    expect(await store.sweep(() => isNamed)).toMatchObject({ deletedBlobs: isNamed ? 0 : 1 });
    expect(await readdir(join(root, 'aside'))).toEqual([]);
    expect((await store.get(digest)) !== null).toBe(isNamed);
    expect(await readdir(join(root, 'leases'))).toEqual([]);
  });

  it('gives up what a living process has not touched for an hour', async () => {
    const store = open();
    const abort = new AbortController();
    const writing = store.put(
      (async function* () {
        yield makeBytes(100_000);
        await new Promise(() => undefined);
      })(),
      { leaseMs: 1000, signal: abort.signal },
    );
    while ((await readdir(join(root, 'tmp'))).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    clock.advance(3_500_000);
    expect(await store.sweep(() => false)).toMatchObject({ deletedTemporaryFiles: 0 });
    clock.advance(200_000);
    expect(await open().sweep(() => false)).toMatchObject({ deletedTemporaryFiles: 1 });
    abort.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
  });
});

it('keeps its memory flat for a large blob', { timeout: 60_000 }, async () => {
  const store = open();
  const size = 256 * 1024 * 1024;
  const piece = makeBytes(64 * 1024);
  async function* source() {
    for (let given = 0; given < size; given += piece.byteLength) yield piece;
  }
  await putBytes(store, makeBytes(1_000_000));
  const before = process.memoryUsage.rss();
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const put = await store.put(source(), { leaseMs: 60_000 });
  expect(put.size).toBe(size);
  let read = 0;
  const content = await store.get(put.digest);
  for await (const chunk of content?.stream ?? []) read += chunk.length;
  clearInterval(watch);
  expect(read).toBe(size);
  expect(peak - before).toBeLessThan(64 * 1024 * 1024);
});

it('leaves alone what it did not make', async () => {
  await mkdir(join(root, 'zz'), { recursive: true });
  const foreign = ['zz/notes', 'README', 'tmp/mine', 'leases/mine', 'uploads/mine', 'aside/mine'];
  const store = open();
  for (const name of foreign) await writeFile(join(root, name), 'x');
  clock.advance(1e9);
  expect(await store.sweep(() => false)).toEqual({ deletedBlobs: 0, deletedTemporaryFiles: 0 });
  expect(await store.list(null, 10)).toEqual([]);
  for (const name of foreign) expect(await readFile(join(root, name), 'utf8')).toBe('x');
});
