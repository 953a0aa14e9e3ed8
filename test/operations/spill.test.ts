import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openMemoryBlobStore } from '../../src/adapters/blob-store/memory.ts';
import { isByteHandle, plainHandle } from '../../src/language/values.ts';
import { readSpilling } from '../../src/operations/parse/spill.ts';
import { compileSpillPaths } from '../../src/operations/parse/spill-paths.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { compileGlob } from '../../src/shared/glob.ts';

interface Rule {
  readonly path: readonly string[];
  readonly decode: 'base64' | 'text';
}

const LIMITS = { maxBytes: 1_000_000, maxDepth: 40 };
const store = openMemoryBlobStore({ clock: systemClock, maxBlobBytes: 1e9, minBlobBytes: 0 });

/** Reads JSON that comes in these chunks. */
async function read(chunks: readonly Uint8Array[], rules: readonly Rule[], limits = LIMITS): Promise<unknown> {
  const stream = Readable.from(chunks, { objectMode: true });
  const spill = {
    paths: compileSpillPaths(rules.map(({ path }) => path)),
    decode: rules.map(({ decode }) => decode),
    async store(_pattern: number, bytes: AsyncIterable<Uint8Array>) {
      const { size, digests } = await store.put(bytes, { leaseMs: 60_000 });
      const open = () => ({ size, bytes: null, stream: null });
      return { isByteHandle: true as const, size, digests, mediaType: null, reopenable: true, open };
    },
  };
  return readSpilling({ size: null, bytes: null, stream }, spill, limits);
}

const codeOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error) => error.code ?? error,
  );

/** The value, with strings that the rules lead to as the plain form of their bytes. */
function expected(value: unknown, rules: readonly Rule[], at: readonly (string | null)[] = []): unknown {
  const rule = rules.find(
    ({ path }) =>
      path.length === at.length &&
      path.every((element, index) => {
        const name = at[index] ?? null;
        return name === null ? element === '*' : compileGlob(element)(name);
      }),
  );
  if (typeof value === 'string' && rule !== undefined) {
    const bytes = Buffer.from(value, rule.decode === 'text' ? 'utf8' : 'base64');
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    return { size: bytes.length, digest, digests: { sha256: digest }, media_type: null };
  }
  if (Array.isArray(value)) return value.map((item) => expected(item, rules, [...at, null]));
  if (typeof value !== 'object' || value === null) return value;
  return entries(Object.entries(value).map(([name, item]) => [name, expected(item, rules, [...at, name])]));
}

/** Entries in a form in which a key such as `__proto__` is no different. */
const entries = (pairs: readonly (readonly [string, unknown])[]) => ({ entries: pairs });

function shown(value: unknown): unknown {
  if (isByteHandle(value)) return plainHandle(value);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return entries(Object.entries(value).map(([name, item]) => [name, shown(item)]));
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.slice(at[index], end));
}

/** JSON text of a value, with white space, escapes and solidus as `style` has them. */
function write(value: unknown, style: () => number): string {
  const space = () => ['', '', ' ', '\n\t ', '\r\n'][style() % 5];
  const string = (text: string) =>
    `"${[
      ...JSON.stringify(text)
        .slice(1, -1)
        .matchAll(/\\u....|\\.|./gsu),
    ]
      .map(([unit]) => {
        if (unit.startsWith('\\') || style() % 5 > 0) return unit;
        if (unit === '/') return '\\/';
        const units = Array.from({ length: unit.length }, (_, index) => unit.charCodeAt(index));
        return units.map((code) => `\\u${code.toString(16).padStart(4, '0')}`).join('');
      })
      .join('')}"`;
  const at = (text: string) => `${space()}${text}${space()}`;
  if (typeof value === 'string') return at(string(value));
  if (Array.isArray(value)) return at(`[${value.map((item) => write(item, style)).join(',') || space()}]`);
  if (typeof value !== 'object' || value === null) return at(JSON.stringify(value));
  const members = Object.entries(value).map(([name, item]) => `${at(string(name))}:${write(item, style)}`);
  return at(`{${members.join(',') || space()}}`);
}

const RULES: readonly Rule[] = [
  { path: ['files', '*.bin', 'data'], decode: 'base64' },
  { path: ['files', '*', 'data'], decode: 'text' },
  { path: ['*', '*', '*'], decode: 'base64' },
  { path: ['__proto__'], decode: 'text' },
  { path: ['list', '*'], decode: 'base64' },
];

const base64 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const leaf = fc.oneof(
  fc.integer(),
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const file = fc.oneof(
  leaf,
  fc.dictionary(fc.constantFrom('length', 'type', '__proto__'), fc.oneof(leaf, base64), { maxKeys: 3 }),
);
const name = fc.oneof(text, fc.constantFrom('__proto__', 'a"\\', 'é', '0'));
const document = fc.record(
  {
    files: fc.oneof(
      leaf,
      fc.dictionary(name, fc.record({ data: fc.oneof(text, leaf, file) }, { requiredKeys: [] })),
      fc.dictionary(
        name.map((own) => `${own}.bin`),
        fc.record({ data: fc.oneof(base64, leaf), more: base64 }, { requiredKeys: ['data'] }),
      ),
    ),
    list: fc.oneof(fc.array(fc.oneof(base64, leaf, fc.constant(['eA=='])), { maxLength: 5 }), text, file),
    other: fc.jsonValue({ depthSize: 'small' }).filter((value) => !hasDeepString(value)),
    ['__proto__']: fc.oneof(text, leaf),
  },
  { requiredKeys: [] },
);

/** Whether a string stands where the third rule wants base64. */
function hasDeepString(value: unknown): boolean {
  const inner = (item: unknown) => (typeof item === 'object' && item !== null ? Object.values(item) : []);
  return inner(value)
    .flatMap(inner)
    .some((item) => typeof item === 'string');
}

describe('JSON whose strings are stored while it comes in', () => {
  test('is what the parser gives, with the strings decoded, however it is written and cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        document,
        fc.array(fc.nat(), { minLength: 1, maxLength: 50 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (value, styles, places) => {
          let turn = 0;
          const json = write(value, () => styles[turn++ % styles.length]!);
          expect(shown(await read(cut(Buffer.from(json), places), RULES))).toEqual(expected(JSON.parse(json), RULES));
        },
      ),
      { numRuns: 1500 },
    );
  });

  test.each([
    ['{"files":{"a.bin":{"data":"aGVs\\u0062G8=","x":1}, "b":{"data":"\\ud83d\\ude00é\\\\\\"\\\\"}}}'],
    ['\ufeff{"list":["aGVsbG8=","",1,["eA=="]],"__proto__":"\\u0041\\u00e9😀\\u20ac"}'],
    ['{"files":{"a.bin":{"data":"eA=="}},"files":{"a.bin":{"data":1}},"list":["eA=="],"list":["eQ=="]}'],
    ['{"fil\\u0065s":{"\\"\\\\.bin":{"data":"\\/\\/\\u002b\\u002B"},"x\\/y":{"data":"\\\\"}}}'],
    [' "eA==" '],
    ['[["x","y"],"z"]'],
  ])('is cut at every byte: %s', async (json) => {
    const bytes = Buffer.from(json);
    const wanted = expected(JSON.parse(json.replace('\ufeff', '')), RULES);
    expect(
      shown(
        await read(
          [...bytes].map((byte) => Uint8Array.of(byte)),
          RULES,
        ),
      ),
    ).toEqual(wanted);
    for (let at = 0; at <= bytes.length; at++) {
      expect(shown(await read([bytes.subarray(0, at), bytes.subarray(at)], RULES))).toEqual(wanted);
    }
  });

  test('is refused wherever it ends early', async () => {
    const bytes = Buffer.from('{"files":{"a.bin":{"data":"aGVsbG8=","x":1},"b":{"data":"\\ud83d\\ude00é"}}}');
    for (let end = 1; end < bytes.length; end++) {
      expect(await codeOf(read([bytes.subarray(0, end)], RULES)), `${end}`).toBe('JSON_INVALID');
    }
    expect(await read([], RULES)).toBeNull();
  });

  test('is refused whenever the parser refuses it, and is never something else', async () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"files"',
      '"a.bin"',
      '"data"',
      '"aGVsbG8="',
      '"',
      '\\',
      '"list"',
      '1',
      ' ',
      '\\u',
      '\n',
      '0',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieces, { maxLength: 14 }),
        fc.array(fc.nat(), { maxLength: 3 }),
        async (parts, places) => {
          const json = parts.join('');
          let wanted: unknown;
          try {
            wanted = expected(JSON.parse(json), []);
          } catch {
            if (json === '') return;
            expect(['JSON_INVALID', 'BASE64_INVALID']).toContain(
              await codeOf(read(cut(Buffer.from(json), places), RULES)),
            );
            return;
          }
          const strings = [{ path: ['files', '*.bin', 'data'], decode: 'text' as const }];
          expect(shown(await read(cut(Buffer.from(json), places), []))).toEqual(wanted);
          expect(shown(await read(cut(Buffer.from(json), places), strings))).toEqual(
            expected(JSON.parse(json), strings),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('is followed no deeper than allowed, and no further than the limit of what is left', async () => {
    const limits = { maxBytes: 60, maxDepth: 4 };
    const many = (text: string) => [Buffer.from(text)];
    expect(await codeOf(read(many('[[[[1]]]]'), RULES, limits))).toBeNull();
    expect(await codeOf(read(many(`[[[[[${'x'.repeat(90)}`), RULES, limits))).toBe('JSON_TOO_DEEP');
    expect(await codeOf(read(many(`{"list":["${'AAAA'.repeat(999)}"]}`), RULES, limits))).toBeNull();
    expect(await codeOf(read(many(`{"else":["${'AAAA'.repeat(999)}`), RULES, limits))).toBe('JSON_TOO_LARGE');
  });

  test('has at most 64 strings to store', async () => {
    const list = (count: number) => [Buffer.from(JSON.stringify({ list: Array(count).fill('eA==') }))];
    expect(await codeOf(read(list(64), RULES))).toBeNull();
    expect(await codeOf(read(list(65), RULES))).toBe('JSON_TOO_LARGE');
  });
});

describe('base64', () => {
  const refusal = async (raw: string, size = 1e9) => {
    const bytes = Buffer.from(`{"list":["${raw}"]}`, 'latin1');
    const places = Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => (index + 1) * size);
    return read(cut(bytes, places), RULES).then(
      () => null,
      (error) => (error.code === 'BASE64_INVALID' ? error.message.split('not valid: ')[1] : error.code),
    );
  };

  test('takes every byte that is of its alphabet, and no other', async () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const raw = character === '"' || character === '\\' ? `\\${character}` : character;
      for (const around of [
        ['AAA', ''],
        ['A', 'AA'],
        ['AAAAAA', 'AAAAA'],
      ] as const) {
        const isTaken = (await refusal(around.join(raw))) === null;
        expect(isTaken, `${byte}`).toBe(/[A-Za-z0-9+/]/.test(character) || (character === '=' && around[1] === ''));
      }
    }
  });

  test.each([
    ['AAA', 'its length is not a multiple of four'],
    ['AAAAA', 'its length is not a multiple of four'],
    ['AA=', 'its length is not a multiple of four'],
    ['AA==AAAA', 'padding stands before its end'],
    ['AAA=AAA=', 'padding stands before its end'],
    ['A===', 'padding stands before its end'],
    ['====', 'padding stands before its end'],
    ['AB==', 'bits are left over at its end'],
    ['AAB=', 'bits are left over at its end'],
    ['AA\\nAA', 'white space stands in it'],
    ['AAAA ', 'white space stands in it'],
    ['AA-_', 'a character stands in it that is not of its alphabet'],
    // Its low byte is that of an "A".
    ['AAA\\u0141', 'a character stands in it that is not of its alphabet'],
    ['AA\\u00', 'JSON_INVALID'],
    ['AA\\xAA', 'JSON_INVALID'],
  ])('%s is refused, however it is cut', async (raw, reason) => {
    for (const size of [1e9, 1, 2, 3, 5, 7]) expect(await refusal(raw, size)).toBe(reason);
    for (const size of [1e9, 1, 7, 64]) {
      const found = await refusal(`${'AAAA'.repeat(40)}${raw}`, size);
      expect(found).toBe(reason);
    }
  });
});

describe('text', () => {
  const refusal = async (raw: Buffer) => {
    const bytes = Buffer.concat([Buffer.from('{"__proto__":"'), raw, Buffer.from('"}')]);
    const codes = await Promise.all(
      [1, 1e9].map((size) => codeOf(read(cut(bytes, size === 1 ? bytes.keys().toArray() : []), RULES))),
    );
    expect(codes[0]).toBe(codes[1]);
    return codes[0];
  };

  test.each([
    ['half a character', Buffer.from('a\\ud83d')],
    ['the other half', Buffer.from('\\ude00a')],
    ['half a character before another', Buffer.from('\\ud83da')],
    ['a control character', Buffer.from('a\nb')],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0xff])],
    ['a character that is cut', Buffer.from([0x61, 0xe2, 0x82])],
    ['a malformed escape', Buffer.from('\\q')],
  ])('with %s is refused', async (_what, raw) => {
    expect(await refusal(raw)).toBe('JSON_INVALID');
  });
});
