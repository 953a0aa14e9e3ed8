import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import { findProgram, requireProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  checked,
  GIB,
  gzipped,
  padded,
  paxRecord,
  readArchive,
  refusal,
  repeated,
  tarEnd,
  tarFile,
  tarHeader,
  tarOf,
} from './archives.ts';

const PLAIN = tarOf(
  tarHeader('package/', 0, '5'),
  tarFile('package/package.json', '{"a":1}'),
  tarFile('package/x', 'y'),
);
const invalid = (what: string) => `ARCHIVE_INVALID: The archive is not valid: ${what}`;
const link = (name: string, target: string, type = '2') => tarHeader(name, 0, type, { target });
const pax = (type: string, ...records: string[]) => tarFile('PaxHeader', records.join(''), type);

requireProgram('tar', 'tar');

describe('a tar archive', () => {
  test.skipIf(findProgram('tar') === null).each(['v7', 'oldgnu', 'gnu', 'ustar', 'posix'])(
    'of the form %s is read as the program wrote it',
    async (form) => {
      const folder = temporaryFolder();
      const deep = form === 'v7' ? 'deep' : 'd'.repeat(90);
      const long = form === 'v7' || form === 'ustar' ? 'long.json' : `${'ü'.repeat(70)}.json`;
      mkdirSync(join(folder, 'root', deep), { recursive: true });
      writeFileSync(join(folder, 'root', deep, long), '{"deep":true}');
      writeFileSync(join(folder, 'root/empty'), '');
      writeFileSync(join(folder, 'root/large'), 'x'.repeat(100_000));
      symlinkSync('large', join(folder, 'root/link'));
      const args = [`--format=${form}`, '--sort=name', '-c', 'root'];
      const tar = execFileSync('tar', args, { cwd: folder, maxBuffer: GIB });
      const wanted = [
        { path: `root/${deep}/${long}`, text: '{"deep":true}' },
        { path: 'root/empty', text: '' },
      ];
      const files = ['root/empty', `root/${deep}/*.json`];
      for (const chunkBytes of [65_536, 512, 511, 7]) {
        const read = await readArchive('tar', tar, { files, chunkBytes });
        expect(read.files).toEqual(wanted);
        expect(read.summary).toEqual({ entries: 6, files: 3, bytes: 100_013 });
      }
      expect((await readArchive('tar.gz', gzipped(tar), { files, chunkBytes: 11 })).files).toEqual(wanted);
    },
  );

  test('is read as another library wrote it, however it is cut', async () => {
    const name = fc
      .array(fc.stringMatching(/^[a-zé]{1,60}$/), { minLength: 1, maxLength: 4 })
      .map((segments) => segments.join('/'));
    const files = fc.uniqueArray(fc.record({ path: name, text: fc.string({ maxLength: 1500 }) }), {
      selector: ({ path }) => path,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 3000 }), async (wanted, chunkBytes) => {
        const writer = pack();
        for (const { path, text } of wanted) writer.entry({ name: path }, text);
        writer.finalize();
        const chunks: Buffer[] = [];
        for await (const chunk of writer) chunks.push(chunk as Buffer);
        expect((await readArchive('tar', Buffer.concat(chunks), { chunkBytes })).files).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });

  test('that ends early is refused, wherever', async () => {
    const whole = PLAIN.length - tarEnd.length;
    for (let end = 0; end < whole + 512; end += end % 512 > 500 || end % 512 < 12 ? 1 : 50) {
      expect(await refusal('tar', PLAIN.subarray(0, end)), `${end}`).toBe(invalid('it ends early'));
    }
    expect(await refusal('tar', PLAIN.subarray(0, whole + 512))).toBeNull();
    const packed = gzipped(PLAIN);
    for (let end = 0; end < packed.length; end++) {
      expect(await refusal('tar.gz', packed.subarray(0, end)), `${end}`).toBe(invalid('its gzip data ends early'));
    }
  });

  test('that is damaged fails with a code, or reads as something else', async () => {
    const packed = gzipped(PLAIN);
    const wanted = (await readArchive('tar', PLAIN)).files;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (place, flip, isPacked) => {
        const bytes = Buffer.from(isPacked ? packed : PLAIN);
        const at = place % bytes.length;
        bytes[at] = bytes[at]! ^ flip;
        const found = await refusal(isPacked ? 'tar.gz' : 'tar', bytes);
        if (found !== null) expect(found).toMatch(/^ARCHIVE_/);
        // Gzip has a checksum over all: what it lets pass is what was packed.
        else if (isPacked) expect((await readArchive('tar.gz', bytes)).files).toEqual(wanted);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('a tar archive is refused', () => {
  const longName = 'n'.repeat(5000);
  test.each<[string, Buffer, string | null]>([
    ['an absolute name', tarOf(tarFile('/etc/passwd', 'x')), 'the name "/etc/passwd" is an absolute path'],
    ['a drive', tarOf(tarFile('c:x', 'x')), 'the name "c:x" is an absolute path'],
    ['a name that leads out', tarOf(tarFile('a/../../b', 'x')), 'the name "a/../../b" leads out of the archive'],
    ['a backslash', tarOf(tarFile('a\\b', 'x')), 'the name "a\\\\b" holds a backslash'],
    [
      'NUL in a pax name',
      tarOf(pax('x', paxRecord('path', 'a\0b')), tarFile('c', '')),
      'the name "a\\u0000b" holds a NUL',
    ],
    ['no name', tarOf(tarFile('', 'x')), 'an entry has no name'],
    ['a name of nothing', tarOf(tarFile('./.', 'x')), 'the name "./." names no file'],
    ['a name that is not UTF-8', tarOf(tarFile(Buffer.from([0x61, 0xe9]), 'x')), 'the name "aé" is not UTF-8'],
    [
      'an endless name',
      tarOf(tarFile('@', longName, 'L'), tarFile('x', '')),
      `a name is longer than 4096 characters, "${'n'.repeat(200)}…"`,
    ],
    ['a symbolic link that is asked for', tarOf(link('a/b', 'c')), '"a/b" is a symbolic link, where a file is wanted'],
    [
      'a hard link that is asked for',
      tarOf(tarFile('c', ''), link('a', 'c', '1')),
      '"a" is a hard link, where a file is wanted',
    ],
    ['a device that is asked for', tarOf(tarHeader('a', 0, '3')), '"a" is a special file, where a file is wanted'],
    [
      'a link to a folder above',
      tarOf(link('a/b/c/d/e', '../../../../../x')),
      'the symbolic link "a/b/c/d/e" points outside',
    ],
    ['an absolute link', tarOf(link('a/b/c/d/e', '/x')), 'the symbolic link "a/b/c/d/e" points outside'],
    ['a hard link to outside', tarOf(link('a/b/c/d/e', '../x', '1')), 'the hard link "a/b/c/d/e" points outside'],
    ['a name that comes twice', tarOf(tarFile('a/b', '1'), tarFile('./a//b', '2')), 'it holds "a/b" twice'],
    [
      'a link with content',
      tarOf(tarHeader('a/b/c/d/e', 9, '2', { target: 'x' })),
      '"a/b/c/d/e" is no file, but has content',
    ],
    ['a folder with content', tarOf(tarFile('a/', 'x')), '"a/" is no file, but has content'],
    ['something behind its end', Buffer.concat([PLAIN, tarFile('b', 'x'), tarEnd]), 'something follows its end'],
    ['one byte behind its end', Buffer.concat([PLAIN, Buffer.from('x')]), 'something follows its end'],
    ['endless zeros', Buffer.concat([PLAIN, Buffer.alloc(2 ** 20)]), 'something follows its end'],
    ['a size that is no number', tarOf(tarHeader('a', '0000000009x', '0')), 'a number in a header is malformed'],
    ['a size below zero', tarOf(tarHeader('a', '\xff'.repeat(12))), 'a number in a header is malformed'],
    [
      'a wrong checksum',
      tarOf(Buffer.from(tarHeader('a', 0).fill('7', 148, 154))),
      'it is no tar archive, or a header in it is damaged',
    ],
    ['an unknown form', tarOf(tarHeader('a', 0, '0', { magic: 'tarball' })), 'a header in it has an unknown form'],
    ['a sparse file', tarOf(tarHeader('a', 0, 'S')), 'it holds an entry of a form that programs read differently'],
    [
      'a sparse file of pax',
      tarOf(pax('x', paxRecord('GNU.sparse.name', 'b')), tarFile('a', '')),
      'it holds a sparse file, which programs read differently',
    ],
    [
      'an old pax header',
      tarOf(pax('X', paxRecord('path', 'b')), tarFile('a', '')),
      'it holds an entry of a form that programs read differently',
    ],
    ['a global name', tarOf(pax('g', paxRecord('path', 'b')), tarFile('a', '')), 'a global header names files'],
    [
      'an extended header with nothing behind it',
      tarOf(pax('x', paxRecord('path', 'b'))),
      'it ends after an extended header',
    ],
    [
      'an empty name of pax',
      tarOf(pax('x', paxRecord('path', '')), tarFile('a', '')),
      'an extended header gives an empty name',
    ],
    ['a pax length that lies', tarOf(pax('x', '99 path=b\n'), tarFile('a', '')), 'a pax header in it is malformed'],
    ['a pax length below zero', tarOf(pax('x', '-9 path=b\n'), tarFile('a', '')), 'a pax header in it is malformed'],
    ['a pax record without a value', tarOf(pax('x', '7 path\n'), tarFile('a', '')), 'a pax header in it is malformed'],
    ['a pax record without an end', tarOf(pax('x', '9 path=bc'), tarFile('a', '')), 'a pax header in it is malformed'],
    ['a pax size that lies', tarOf(pax('x', paxRecord('size', '99999')), tarFile('a', 'x')), 'it ends early'],
    [
      'a pax size that is none',
      tarOf(pax('x', paxRecord('size', '1e3')), tarFile('a', 'x')),
      'a number in a header is malformed',
    ],
    ['a large extended header', tarOf(tarHeader('a', 2 ** 20 + 1, 'x')), 'its extended headers are too large'],
  ])('for %s', async (_what, bytes, wanted) => {
    expect(await refusal('tar', bytes)).toBe(wanted === null ? null : invalid(wanted));
    expect(await refusal('tar.gz', gzipped(bytes), { chunkBytes: 13 })).toBe(wanted === null ? null : invalid(wanted));
  });

  test('but not for what is harmless', async () => {
    const parts = [
      pax('g', paxRecord('comment', 'from a commit')),
      link('a/b/c/d/e', '../x/../../y'),
      tarHeader('a/b/c/d/f', 0, '3'),
      pax('x', paxRecord('mtime', '1.5'), paxRecord('path', 'real/näme'), paxRecord('size', '3')),
      Buffer.concat([tarHeader('short', 0), padded(Buffer.from('abc'))]),
      checked(Buffer.from(tarHeader('old', 0, '\0', { magic: '' }))),
      Buffer.concat([tarHeader('base256', `\x80${'\0'.repeat(10)}\x02`), padded(Buffer.from('hi'))]),
      tarHeader('name', 0, '0', { prefix: 'prefix' }),
    ];
    const { files, summary } = await readArchive('tar', tarOf(...parts));
    expect(files).toEqual([
      { path: 'real/näme', text: 'abc' },
      { path: 'old', text: '' },
      { path: 'base256', text: 'hi' },
      { path: 'prefix/name', text: '' },
    ]);
    expect(summary).toEqual({ entries: 6, files: 4, bytes: 5 });
    const outside = tarOf(link('a/b/c/d/e', '/x'));
    expect(await refusal('tar', outside, { refusesLinks: false })).toBeNull();
  });

  test.each([
    ['garbage', Buffer.from('garbage')],
    ['zeros', Buffer.alloc(100)],
    ['a byte of another member', Buffer.from([0x1f])],
  ])('for %s behind its gzip data', async (_what, tail) => {
    for (const chunkBytes of [1e6, 1]) {
      expect(await refusal('tar.gz', Buffer.concat([gzipped(PLAIN), tail]), { chunkBytes })).toMatch(
        /^ARCHIVE_INVALID/,
      );
    }
  });
});

describe('an archive that unpacks to very much', () => {
  const MIB = 1024 ** 2;
  const zeros = Buffer.alloc(MIB);

  /** How long it took and how much memory it added. */
  async function measured<T>(
    run: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly ms: number; readonly mib: number }> {
    const before = process.memoryUsage().rss;
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 10);
    const startedAt = performance.now();
    const result = await run();
    clearInterval(timer);
    return { result, ms: performance.now() - startedAt, mib: (most - before) / MIB };
  }

  const bomb = function* (head: Buffer) {
    yield gzipped(head);
    yield* repeated(zeros, 1024);
    yield gzipped(tarEnd);
  };

  test.each<[string, Buffer, string]>([
    ['zeros alone', Buffer.alloc(512), invalid('something follows its end')],
    [
      'a file that is asked for',
      tarHeader('a', 400_000_000),
      'ARCHIVE_TOO_LARGE: The archive holds "a" with more than 1048576 bytes',
    ],
    [
      'more than it may in all',
      tarHeader('a/b/c/d/e', GIB),
      'ARCHIVE_TOO_LARGE: The archive holds more than 500000000 bytes',
    ],
  ])('is refused at once: %s', async (_what, head, wanted) => {
    const { result, ms, mib } = await measured(() => refusal('tar.gz', bomb(head), { maxTotalBytes: 500_000_000 }));
    expect(result).toBe(wanted);
    expect(ms).toBeLessThan(2000);
    expect(mib).toBeLessThan(64);
  });

  test('goes by in flat memory where it is allowed, and the event loop goes on', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 5);
    const { result, ms, mib } = await measured(() => readArchive('tar.gz', bomb(tarHeader('a/b/c/d/e', GIB))));
    clearInterval(timer);
    expect(result.summary).toEqual({ entries: 1, files: 1, bytes: GIB });
    console.log(`1 GiB in ${ms.toFixed(0)} ms, ${mib.toFixed(0)} MiB more, ${turns} turns`);
    expect(mib).toBeLessThan(96);
    expect(turns).toBeGreaterThan(ms / 50);
  });

  test('of headers alone is refused', async () => {
    const headers = Buffer.concat([tarHeader('p', MIB, 'x'), Buffer.from(`${MIB} a=${'b'.repeat(MIB - 11)}\n`)]);
    const many = function* () {
      yield* repeated(headers, 200);
    };
    expect(await refusal('tar.gz', many())).toBe(invalid('its extended headers are too large'));
  });
});
