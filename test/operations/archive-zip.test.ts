import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findProgram, requireProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { readArchive, refusal, type ZipMember, zipOf } from './archives.ts';

requireProgram('zip', 'zip');

const content = Buffer.from('{"a":1}'.repeat(50));
const PLAIN: readonly ZipMember[] = [
  { name: 'a/', mode: 0o40755 },
  { name: 'a/b.json', content, packed: deflateRawSync(content) },
  { name: 'a/é', content: Buffer.from('x') },
];
/** A name in UTF-8 beside that of the header (Info-ZIP, 0x7075). */
const unicodeName = (old: Buffer, name: string) => {
  const field = Buffer.alloc(9);
  field.writeUInt16LE(0x7075, 0);
  field.writeUInt16LE(5 + Buffer.byteLength(name), 2);
  field.writeUInt8(1, 4);
  field.writeUInt32LE(crc32(old), 5);
  return Buffer.concat([field, Buffer.from(name)]);
};
const invalid = (what: string) => `ARCHIVE_INVALID: The archive is not valid: ${what}`;
const lies = (name: string) => invalid(`"${name}" does not have the size and checksum that are stated for it`);

describe('a zip archive', () => {
  test.skipIf(findProgram('zip') === null).each([
    ['packed', '-r archive.zip root'],
    ['stored', '-r -0 archive.zip root'],
    ['with 64-bit sizes', '-r -fz archive.zip root'],
    ['with links', '-r --symlinks archive.zip root'],
    ['with a comment', '-r -z archive.zip root'],
  ])('is read as the program wrote it, %s', async (_what, args) => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'root'));
    writeFileSync(join(folder, 'root/ü.json'), '{"deep":true}');
    writeFileSync(join(folder, 'root/empty'), '');
    writeFileSync(join(folder, 'root/large'), 'x'.repeat(1_000_000));
    symlinkSync('large', join(folder, 'root/link'));
    execFileSync('zip', args.split(' '), {
      cwd: folder,
      input: 'A comment',
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    const zip = readFileSync(join(folder, 'archive.zip'));
    const { files, summary, entries } = await readArchive('zip', zip, {
      files: ['root/*.json', 'root/e*', 'root/large'],
    });
    expect(new Map(files.map(({ path, text }) => [path, text]))).toEqual(
      new Map([
        ['root/ü.json', '{"deep":true}'],
        ['root/empty', ''],
        ['root/large', 'x'.repeat(1_000_000)],
      ]),
    );
    const links = entries.filter(({ kind }) => kind === 'symbolic link');
    expect(links.map(({ target }) => target)).toEqual(args.includes('symlinks') ? ['large'] : []);
    // Without links the program stores what they point to.
    expect(summary).toEqual({ entries: 5, files: 4 - links.length, bytes: (2 - links.length) * 1_000_000 + 13 });
  });

  test('with many entries is read without holding the event loop up', async () => {
    const members = Array.from({ length: 30_000 }, (_, index) => ({ name: `folder/file-${index}` }));
    const zip = zipOf(members);
    let longest = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const { files, summary } = await readArchive('zip', zip, { files: ['folder/file-29999'], maxEntries: 30_000 });
    clearInterval(timer);
    expect(files).toEqual([{ path: 'folder/file-29999', text: '' }]);
    expect(summary.entries).toBe(30_000);
    expect(longest).toBeLessThan(500);
    expect(await refusal('zip', zip, { maxEntries: 29_999 })).toBe(
      'ARCHIVE_TOO_LARGE: The archive holds more than 29999 entries',
    );
  });

  test('that ends early is refused, wherever', async () => {
    const zip = zipOf(PLAIN);
    for (let end = 0; end < zip.length; end++) {
      expect(await refusal('zip', zip.subarray(0, end)), `${end}`).toMatch(/^ARCHIVE_INVALID/);
    }
    expect(await refusal('zip', zip)).toBeNull();
  });

  test('that is damaged fails with a code, or reads as something else', async () => {
    const zip = zipOf(PLAIN);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(zip);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        expect((await refusal('zip', bytes)) ?? 'ARCHIVE_').toMatch(/^ARCHIVE_/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a zip archive is refused', () => {
  const one = (member: Partial<ZipMember>) => zipOf([{ name: 'a', content, ...member }]);
  test.each<[string, Buffer, string]>([
    ['an absolute name', one({ name: '/a' }), invalid('the name "/a" is an absolute path')],
    ['a name that leads out', one({ name: 'a/../../b' }), invalid('the name "a/../../b" leads out of the archive')],
    ['a backslash', one({ name: 'a\\b' }), invalid('the name "a\\\\b" holds a backslash')],
    ['NUL', one({ name: 'a\0b' }), invalid('the name "a\\u0000b" holds a NUL')],
    ['a name that comes twice', zipOf([{ name: 'a' }, { name: './a' }]), invalid('it holds "a" twice')],
    [
      'another name before the content',
      one({ localName: 'b' }),
      invalid('"a" has another name where its content stands'),
    ],
    ['a link that is asked for', one({ mode: 0o120777 }), invalid('"a" is a symbolic link, where a file is wanted')],
    [
      'a link to outside',
      zipOf([{ name: 'a/b/c/d/e', content: Buffer.from('../../../../../x'), mode: 0o120777 }]),
      invalid('the symbolic link "a/b/c/d/e" points outside'),
    ],
    ['a device that is asked for', one({ mode: 0o20644 }), invalid('"a" is a special file, where a file is wanted')],
    ['a smaller size than it has', one({ size: 5, packed: deflateRawSync(content) }), lies('a')],
    ['a larger size than it has', one({ size: 5000, packed: deflateRawSync(content) }), lies('a')],
    ['a wrong checksum', one({ crc: 1 }), lies('a')],
    [
      'something behind packed content',
      one({ packed: Buffer.concat([deflateRawSync(content), Buffer.from('x')]) }),
      lies('a'),
    ],
    ['packed content that is none', one({ packed: Buffer.from('nothing') }), lies('a')],
    ['encryption', one({ flags: 0x801, packed: content }), invalid('"a" is encrypted, or packed in an unusual way')],
    [
      'an unusual way to pack',
      one({ method: 12, packed: content }),
      invalid('"a" is encrypted, or packed in an unusual way'),
    ],
    [
      'more entries than it states',
      zipOf([{ name: 'a' }, { name: 'b' }], { count: 1 }),
      invalid('its directory does not end where it states'),
    ],
    [
      'a second name',
      one({ extra: unicodeName(Buffer.from('a'), 'b') }),
      invalid('programs read the name "b" differently'),
    ],
    [
      'a name that is not the UTF-8 it is said to be',
      one({ name: Buffer.from([0x61, 0xff]) }),
      invalid('programs read the name "a\ufffd" differently'),
    ],
    [
      'a large file',
      one({ size: 2 ** 31, packed: content }),
      'ARCHIVE_TOO_LARGE: The archive holds "a" with more than 1048576 bytes',
    ],
    [
      'large files that nobody asks for',
      zipOf(['x', 'y'].map((name) => ({ name: `a/b/c/d/${name}`, size: 2 ** 31 - 1, packed: content }))),
      'ARCHIVE_TOO_LARGE: The archive holds more than 2147483648 bytes',
    ],
  ])('for %s', async (_what, bytes, wanted) => {
    expect(await refusal('zip', bytes)).toBe(wanted);
  });

  test.each([
    ['fewer entries than it states', zipOf([{ name: 'a' }], { count: 2 })],
    ['something behind its end', zipOf(PLAIN, { after: 'x' })],
    ['a comment that looks like its end', zipOf(PLAIN, { comment: `PK\x05\x06${'\0'.repeat(30)}` })],
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.from('hello')],
  ])('for %s', async (_what, bytes) => {
    expect(await refusal('zip', bytes)).toMatch(/^ARCHIVE_INVALID: The archive is not valid: /);
  });

  test('but not for what is harmless', async () => {
    const members = [
      ...PLAIN,
      { name: 'link', content: Buffer.from('a/b.json'), mode: 0o120777 },
      { name: 'x', mode: 0 },
      { name: Buffer.from([0x81]), flags: 0 },
      { name: Buffer.from([0xe9]), flags: 0, extra: unicodeName(Buffer.from([0xe9]), 'é') },
    ];
    const { files, summary } = await readArchive('zip', zipOf(members, { comment: 'made by hand' }), {
      files: ['a/*', 'x', 'ü', 'é'],
    });
    expect(files.map(({ path, text }) => [path, text.length])).toEqual([
      ['a/b.json', 350],
      ['a/é', 1],
      ['x', 0],
      ['ü', 0],
      ['é', 0],
    ]);
    expect(summary).toEqual({ entries: 7, files: 5, bytes: 351 });
  });
});
