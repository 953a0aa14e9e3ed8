import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson, writeJson } from '../../src/language/json.ts';
import { hasMany, parseJsonInSlices, writeJsonInSlices } from '../../src/language/json-slices.ts';
import { StoredValue } from '../../src/language/values.ts';

const LIMITS = { maxBytes: 100_000_000, maxDepth: 20 };
const PIECE_UNITS = 12;

/** What one of both gives or fails with. */
async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return { value: await read() };
  } catch (error) {
    const { code, message, details } = error as { code?: string; message: string; details?: unknown };
    return { code, message, details };
  }
}

async function expectSame(text: string): Promise<void> {
  const inSlices = await outcome(() => parseJsonInSlices(text, LIMITS, PIECE_UNITS));
  expect(inSlices, text).toEqual(await outcome(() => parseJson(text, LIMITS)));
}

describe('JSON in slices', () => {
  it('is read as at once, however it is spaced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 1, '\t'), async (value, space) =>
        expectSame(JSON.stringify({ value, more: [value, value] }, null, space)),
      ),
      { numRuns: 200 },
    );
  });

  it('fails as at once, where it is cut, and where a character is another', async () => {
    const text = JSON.stringify({
      versions: { a: [1, -2.5e3, true, null, 'x"\\y'], b: { c: {} } },
      tags: ['latest', ''],
    });
    for (let at = 0; at < text.length; at++) {
      await expectSame(text.slice(0, at));
      for (const other of ['"', ',', ':', '{', '}', '[', ']', '\\', '1', ' ', 'n'])
        await expectSame(text.slice(0, at) + other + text.slice(at + 1));
    }
  });

  it('has the limits that it has at once', async () => {
    await expectSame('['.repeat(21) + ']'.repeat(21));
    await expectSame('['.repeat(20) + ']'.repeat(20));
    await expectSame(`{"a":${'{"b":[1,2,3],"c":'.repeat(20)}1${'}'.repeat(20)}}`);
    const few = { ...LIMITS, maxBytes: 20 };
    expect(await outcome(() => parseJsonInSlices('"'.repeat(21), few))).toMatchObject({ code: 'JSON_TOO_LARGE' });
    const bytes = Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]);
    expect(await outcome(() => parseJsonInSlices(bytes, LIMITS))).toMatchObject({ code: 'JSON_INVALID' });
  });

  it('takes the last of members with one name, and __proto__ for a name like any other', async () => {
    const value = await parseJsonInSlices(
      '{"a":{"long":"value 1"},"a":{"long":"value 2"},"__proto__":{"long":"value"}}',
      LIMITS,
      8,
    );
    expect(Object.keys(value as object)).toEqual(['a', '__proto__']);
    expect(JSON.stringify(value)).toBe('{"a":{"long":"value 2"},"__proto__":{"long":"value"}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it('is written as at once', async () => {
    const special = { stored: new StoredValue('k', '{ "as": "stored" }', 1), none: undefined, nothing: null };
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), async (value) => {
        for (const all of [value, { value, special, list: [value, special, undefined] }])
          expect(await writeJsonInSlices(all)).toBe(writeJson(all));
      }),
      { numRuns: 200 },
    );
    const numbers = Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`n${n}`, n]));
    expect([hasMany(numbers), hasMany({ numbers }), hasMany({ a: 1 }), hasMany(special), hasMany('text')]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('lets others go first', async () => {
    const text = JSON.stringify(
      Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`n${n}`, { n, x: 'y'.repeat(100) }])),
    );
    let turns = 0;
    let goesOn = true;
    const count = () => {
      turns++;
      if (goesOn) setImmediate(count);
    };
    setImmediate(count);
    const value = await parseJsonInSlices(text, LIMITS);
    const afterReading = turns;
    expect(await writeJsonInSlices(value)).toBe(text);
    goesOn = false;
    expect(afterReading).toBeGreaterThan(2);
    expect(turns).toBeGreaterThan(afterReading + 2);
  });
});
