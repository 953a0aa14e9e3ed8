import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonText } from '../../src/shared/parse-json.ts';

describe('parseJsonText', () => {
  it('takes no key for one that somebody else sent before', () => {
    for (let time = 0; time < 1000; time++) parseJsonText('{"a":1,"\\\\":1}');
    for (let time = 0; time < 1000; time++)
      expect(Object.keys(parseJsonText('{"a":1,"\\u0062":1}') as object)).toEqual(['a', 'b']);
  });

  it('reads what was written, however its keys are written', () => {
    const key = fc.oneof(
      fc.constantFrom('a', 'b', '\\', '"', '\\"', '', '__proto__', 'constructor', '\n', '\u00e9', '7', ':'),
      fc.string({ unit: 'binary' }),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('any'), { maxLength: 4 }),
      object: fc.array(fc.tuple(key, tie('any')), { maxLength: 4 }).map((entries) => new Map(entries)),
    })).any;
    fc.assert(
      fc.property(value, fc.infiniteStream(fc.nat(3)), (written, choices) => {
        const text = print(written, () => Number(choices.next().value));
        expect(plain(parseJsonText(text))).toEqual(plain(written));
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['', '{"\\u0061":}', '{"\\u0061" 1}', '{"\\x":1}', '["\\"]', '{"\\u0061":1,}', '{"a\\":1}', '\\'])(
    'refuses %j as JSON.parse does',
    (text) => {
      expect(() => parseJsonText(text)).toThrow(SyntaxError);
    },
  );

  it('takes time that grows with the text only', () => {
    const started = performance.now();
    parseJsonText(JSON.stringify({ '\\': '\\"'.repeat(1_000_000), list: Array(100_000).fill('\\') }));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

/** JSON with white space and escapes where there may be some. */
function print(value: unknown, choose: () => number): string {
  const space = () => [' ', '\n', '', ''][choose()];
  const between = (parts: readonly string[]) => parts.join(`${space()},${space()}`);
  if (value instanceof Map) {
    const members = [...value].map(
      ([name, item]) => `${printText(String(name), choose)}${space()}:${space()}${print(item, choose)}`,
    );
    return `{${space()}${between(members)}${space()}}`;
  }
  if (Array.isArray(value)) return `[${space()}${between(value.map((item) => print(item, choose)))}${space()}]`;
  return typeof value === 'string' ? printText(value, choose) : JSON.stringify(value);
}

function printText(text: string, choose: () => number): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const printed = units.map((unit) => {
    const plainly = JSON.stringify(String.fromCharCode(unit)).slice(1, -1);
    return choose() === 0 ? `\\u${unit.toString(16).padStart(4, '0')}` : plainly;
  });
  return `"${printed.join('')}"`;
}

/** For comparing: objects as maps, because of `__proto__`. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([name, item]) => [name, plain(item)]));
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  return new Map(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}
