import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSchemaCompiler } from '../../src/language/json-schema.ts';
import { plainlyFits } from '../../src/language/json-schema-plain.ts';

const LEAF = fc.constantFrom(null, true, 0, -1, 1.5, 7, 1e300, '', 'a', 'ab', '7');
const VALUE = fc.oneof(LEAF, fc.array(LEAF, { maxLength: 4 }), fc.constant({}), fc.constant([['a']]));
const KEYWORD = fc.oneof(
  fc.constantFrom('string', 'integer', 'number', 'boolean', 'array', 'object', 'null').map((type) => ({ type })),
  fc.constantFrom(['a', 7], [true, null], ['']).map((values) => ({ enum: values })),
  fc.constantFrom(-1, 0, 2).map((minimum) => ({ minimum })),
  fc.constantFrom(0, 7).map((maximum) => ({ maximum })),
  fc.constantFrom(0, 1, 2).map((minItems) => ({ minItems })),
  fc.constantFrom(0, 2).map((maxItems) => ({ maxItems })),
  fc.constant({ pattern: '^a' }),
);
const SIMPLE = fc.array(KEYWORD, { maxLength: 3 }).map((keywords): object => Object.assign({}, ...keywords));
const SCHEMA = fc.oneof(
  SIMPLE,
  fc.tuple(SIMPLE, SIMPLE).map(([schema, items]) => ({ ...schema, items })),
);

test('what fits plainly fits', () => {
  const compiler = createSchemaCompiler({}, { trusted: true });
  let fitted = 0;
  fc.assert(
    fc.property(SCHEMA, VALUE, (schema, value) => {
      if (!plainlyFits(schema, value)) return;
      fitted++;
      for (const coerce of [false, true])
        expect(compiler.compile(schema, { coerce })(structuredClone(value))).toBeNull();
    }),
    { numRuns: 2000 },
  );
  expect(fitted).toBeGreaterThan(20);
});
