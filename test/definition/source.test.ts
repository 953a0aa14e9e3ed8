import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPlaces, type Places, spotOf } from '../../src/definition/places.ts';
import { parseSource } from '../../src/definition/source.ts';

const refuse = (code: string): never => {
  throw new Error(code);
};

function parse(text: string, report: Parameters<typeof parseSource>[3] = refuse) {
  const places = createPlaces();
  return { places, value: parseSource('a.json', text, places, report) };
}

/** Every place in a value, in one list. */
function placesOf(places: Places, value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = places.place(spotOf(value), 'value');
  const members = Object.entries(value).flatMap(([name, member]) => {
    const spot = spotOf(value, Array.isArray(value) ? Number(name) : name);
    return [places.place(spot, 'key'), places.place(spot, 'value'), ...placesOf(places, member)];
  });
  return [own, ...members];
}

const KEY = fc.oneof(fc.string(), fc.constantFrom('', '__proto__', 'a"b', 'a\\', '\\"', ':', '":', '0'));
const VALUE = fc.object({
  key: KEY,
  maxDepth: 3,
  values: [fc.string(), fc.double(), fc.boolean(), fc.constant(null), KEY],
});

describe('the source of a definition', () => {
  test('is what was written, whatever stands in its texts', () => {
    fc.assert(
      fc.property(VALUE, fc.constantFrom('', ' ', '\t', '\n  '), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(JSON.stringify(parse(text).value, null, space)).toBe(text);
      }),
    );
  });

  test('has the same places, whether one was looked for at once or later', () => {
    fc.assert(
      fc.property(VALUE, (value) => {
        const text = JSON.stringify(value, null, 1);
        // A key that stands there twice takes the careful way; what is beside it stays where it is.
        const twice = `{ "x": ${text}, "y": 1, "y": 2 }`;
        const plain = `{ "x": ${text}, "y": 1, "z": 2 }`;
        const careful = parse(twice, () => {});
        const quick = parse(plain);
        const inside = (parsed: { readonly value: unknown }) => (parsed.value as { readonly x: unknown }).x;
        expect(placesOf(quick.places, inside(quick))).toEqual(placesOf(careful.places, inside(careful)));
      }),
    );
  });

  test.each([
    ['{"a": 1, "a": 2}', 10],
    ['{"a": {"b": 1}, "a": {"b": 1}}', 17],
    ['[{"a\\u0062": 1, "ab": 2}]', 17],
    ['{"__proto__": 1, "__proto__": 2}', 18],
  ])('%s has a key twice', (text, column) => {
    const found: unknown[] = [];
    const { value } = parse(text, (code, place) => found.push([code, place.line, place.column]));
    expect(found).toEqual([['DUPLICATE_KEY', 1, column]]);
    expect(value).toEqual(JSON.parse(text));
  });
});
