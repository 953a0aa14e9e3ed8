import { describe, expect, it } from 'vitest';
import { createSchemaCompiler } from '../../src/language/json-schema.ts';

const none = createSchemaCompiler({});

function fits(schema: object, value: unknown): boolean {
  return none.compile(schema)(value) === null;
}

describe('validators', () => {
  it('give null for what fits and places for what does not', () => {
    const schema = {
      type: 'object',
      required: ['name', 'files'],
      additionalProperties: false,
      properties: {
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 10 },
        files: {
          type: 'array',
          items: { type: 'object', required: ['size'], properties: { size: { type: 'integer', minimum: 0 } } },
        },
      },
    };
    const validate = none.compile(schema);
    expect(validate({ name: 'a', files: [{ size: 1 }] })).toBeNull();
    expect(validate({ name: 'A', files: [{ size: 1 }, {}, { size: -1 }], 'a/b': 1 })).toEqual([
      { pointer: '', message: 'must not have the member "a/b"' },
      { pointer: '/name', message: 'must match the pattern "^[a-z]+$"' },
      { pointer: '/files/1', message: 'must have the member "size"' },
      { pointer: '/files/2/size', message: 'must be >= 0' },
    ]);
    expect(validate([])).toEqual([{ pointer: '', message: 'must be an object' }]);
    expect(validate(null)).toEqual([{ pointer: '', message: 'must be an object' }]);
    expect(validate({ name: 'a', files: [] })).toBeNull();
  });

  it.each([
    [{ type: ['string', 'null'] }, 1, 'must be a string or null'],
    [{ enum: ['a', 1] }, 2, 'must be one of "a", 1'],
    [{ const: { a: 1 } }, 2, 'must be {"a":1}'],
    [{ format: 'date-time' }, 'x', 'must have the format "date-time"'],
    [{ uniqueItems: true }, [1, 2, 1], 'must not hold the same element twice (0 and 2)'],
    [{ properties: { a: false } }, { a: 1 }, 'must not be there'],
    [{ minItems: 2 }, [], 'must not have fewer than 2 items'],
    [{ propertyNames: { maxLength: 1 } }, { ab: 1 }, 'must not have a member called "ab"'],
    [{ unevaluatedProperties: false }, { a: 1 }, 'must not have the member "a"'],
  ])('%j on %j: %s', (schema, value, message) => {
    const messages = none
      .compile(schema)(value)
      ?.map((error) => error.message);
    expect(messages).toContain(message);
  });

  it('never echo a long name or value', () => {
    const secret = 'x'.repeat(5000);
    const errors = none.compile({ additionalProperties: false })({ [secret]: secret });
    expect(errors?.[0]?.message.length).toBeLessThan(120);
    expect(JSON.stringify(none.compile({ type: 'number' })(secret))).not.toContain('xx');
  });

  it('list 20 errors at most, and one for a large value', () => {
    const schema = { type: 'array', items: { type: 'string' } };
    expect(none.compile(schema)(Array.from({ length: 100 }, () => 1))).toHaveLength(20);
    expect(none.compile(schema)(Array.from({ length: 100_000 }, () => 1))).toHaveLength(1);
    expect(
      none.compile({ items: { items: { type: 'string' } } })(Array.from({ length: 1500 }, () => [1, 2])),
    ).toHaveLength(1);
  });

  it('run patterns in linear time', () => {
    const validate = none.compile({ pattern: '^(a+)+$', patternProperties: { '^(b+)+$': { type: 'string' } } });
    const started = performance.now();
    expect(validate(`${'a'.repeat(50_000)}!`)).toHaveLength(1);
    expect(validate({ [`${'b'.repeat(50_000)}!`]: 1 })).toBeNull();
    expect(performance.now() - started).toBeLessThan(1000);
    expect(fits({ pattern: '^\\p{Lu}.$' }, 'É\u{1f600}')).toBe(true);
  });

  it('look at own members only', () => {
    expect(fits({ required: ['toString'] }, {})).toBe(false);
    expect(fits({ required: ['__proto__'] }, {})).toBe(false);
    expect(fits({ required: ['__proto__'] }, JSON.parse('{"__proto__": 1}'))).toBe(true);
    expect(fits({ properties: { constructor: { type: 'string' } } }, {})).toBe(true);
    expect(fits({ properties: { constructor: { type: 'string' } } }, { constructor: 1 })).toBe(false);
    expect(fits({ additionalProperties: false, properties: { a: true } }, JSON.parse('{"__proto__": 1}'))).toBe(false);
    expect(fits({ additionalProperties: { type: 'string' } }, JSON.parse('{"__proto__": 1}'))).toBe(false);
    expect(
      fits({ required: ['a'], properties: { a: { type: 'string' } } }, Object.assign(Object.create(null), { a: 'x' })),
    ).toBe(true);
  });

  it('leave the value alone', () => {
    const value = Object.freeze({ size: '1' });
    const schema = { properties: { size: { type: ['integer', 'string'] }, more: { default: 1 } } };
    expect(none.compile(schema)(value)).toBeNull();
    expect(value).toEqual({ size: '1' });
    expect(fits({ type: 'integer' }, '1')).toBe(false);
    expect(fits({ type: 'integer' }, 1.5)).toBe(false);
    expect(fits({ type: 'integer' }, 1)).toBe(true);
  });
});

describe('coercion', () => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: {
      limit: { type: 'integer', default: 20, maximum: 100 },
      all: { type: 'boolean' },
      tag: { type: 'array', items: { type: 'string' } },
      name: { type: 'string' },
    },
  };
  const validate = none.compile(schema, { coerce: true });

  it('turns texts into what the schema asks for, and fills in defaults', () => {
    const query = { all: 'true', tag: 'a', name: '5' };
    expect(validate(query)).toBeNull();
    expect(query).toEqual({ limit: 20, all: true, tag: ['a'], name: '5' });
    const other = { limit: '7', tag: ['a', 'b'] };
    expect(validate(other)).toBeNull();
    expect(other).toEqual({ limit: 7, tag: ['a', 'b'] });
  });

  it.each([
    [{ limit: 'x' }],
    [{ limit: '1.5' }],
    [{ limit: '' }],
    [{ limit: '101' }],
    [{ all: 'maybe' }],
    [{ other: '1' }],
    [{ limit: ['1', '2'] }],
  ])('refuses %j', (query) => {
    expect(validate(query)).toHaveLength(1);
  });

  it('takes queries without a prototype', () => {
    const query = Object.assign(Object.create(null), { limit: '3' });
    expect(validate(query)).toBeNull();
    expect(query.limit).toBe(3);
  });
});

describe('formats', () => {
  it.each([
    [
      'date-time',
      ['2024-02-29T23:59:60Z', '2023-01-01T00:00:00.123+05:30', '2023-01-01t00:00:00z'],
      ['2023-02-29T00:00:00Z', '2023-01-01', '2023-01-01T24:00:00Z', '2023-01-01T00:00:00', '2023-13-01T00:00:00Z', ''],
    ],
    ['date', ['2000-02-29', '2023-04-30'], ['1900-02-29', '2023-04-31', '2023-1-1', '2023-00-10', '2023-01-00']],
    ['time', ['10:00:00Z'], ['10:00', '10:60:00Z', '10:00:00+24:00']],
    [
      'uri',
      ['https://example.com/a?b#c', 'urn:isbn:123', 'mailto:a@b.c'],
      ['/a', 'example.com', 'http://', 'http://a b', 'http://a/%zz', '', '://a'],
    ],
    ['uri-reference', ['/a', 'a/b?c', '', 'https://example.com/'], ['a b', '%zz', '\\a']],
    [
      'uuid',
      ['123e4567-e89b-12d3-a456-426614174000'],
      [
        '123e4567e89b12d3a456426614174000',
        '123e4567-e89b-12d3-a456-42661417400g',
        '{123e4567-e89b-12d3-a456-426614174000}',
      ],
    ],
    ['email', ['a@b.c', "o'hara+x@mail.example.com"], ['a', '@b', 'a@', 'a@b@c d', 'a@-b.c', 'a@b..c', 'a b@c.d']],
  ] as const)('%s', (format, good, bad) => {
    for (const text of good) expect(fits({ format }, text), text).toBe(true);
    for (const text of bad) expect(fits({ format }, text), text).toBe(false);
    expect(fits({ format }, 5)).toBe(true);
    const started = performance.now();
    for (const unit of ['1', 'a.', 'a@', 'http://a', '-']) fits({ format }, unit.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('named schemas', () => {
  const compiler = createSchemaCompiler({
    'pack.Meta': {
      type: 'object',
      required: ['digest'],
      properties: { digest: { $ref: '#/$defs/digest' }, more: { $ref: 'Other' } },
      $defs: { digest: { type: 'string', pattern: '^sha256:' } },
    },
    Other: { type: 'array', items: { $ref: 'pack.Meta' } },
    Broken: { type: 'nothing' },
  });

  it('are compiled by name and refer to one another', () => {
    const validate = compiler.compile('pack.Meta');
    expect(validate({ digest: 'sha256:x', more: [{ digest: 'sha256:y' }] })).toBeNull();
    expect(validate({ digest: 'sha256:x', more: [{ digest: 'y' }] })?.[0]).toMatchObject({ pointer: '/more/0/digest' });
  });

  it('are referred to by schemas without a name', () => {
    expect(compiler.compile({ items: { $ref: 'pack.Meta' } })([{}])?.[0]).toMatchObject({ pointer: '/0' });
    expect(compiler.compile({ $ref: 'pack.Meta#/$defs/digest' })('sha256:x')).toBeNull();
    expect(compiler.compile({ items: { $ref: 'pack.Meta' } }, { coerce: true })([{}])).toHaveLength(1);
  });

  it('spoil only what refers to them', () => {
    expect(compiler.check({ $ref: 'Other' })).toBeNull();
    expect(compiler.check({ $ref: 'Broken' })).toMatchObject({ code: 'SCHEMA_INVALID' });
    expect(() => compiler.compile('Nowhere')).toThrow('Nowhere');
  });
});

describe('checks of a schema', () => {
  it.each([
    [{ type: 'object', propertees: {} }, '/propertees', '"propertees" is not a keyword'],
    [{ properties: { a: { requried: [] } } }, '/properties/a/requried', 'not a keyword'],
    [{ properties: { a: { type: 'strin' } } }, '/properties/a/type', 'not a valid JSON Schema'],
    [{ items: [{ type: 'string' }] }, '/items', 'not a valid JSON Schema'],
    [{ required: 'a' }, '/required', 'not a valid JSON Schema'],
    [{ properties: { a: { format: 'colour' } } }, '/properties/a/format', '"colour" is not known'],
    [{ items: { pattern: '(a' } }, '/items/pattern', 'not closed'],
    [{ items: { pattern: '(?=a)' } }, '/items/pattern', 'linear time'],
    [{ patternProperties: { '(a': true } }, '/patternProperties/(a', 'not closed'],
    [{ items: { $ref: 'Nowhere' } }, '/items/$ref', 'refers to no schema'],
    [{ $ref: '#/$defs/a' }, '/$ref', 'refers to no schema'],
  ])('%j', (schema, pointer, words) => {
    const problem = none.check(schema);
    expect(problem).toMatchObject({ pointer });
    expect(none.check(schema)).toEqual(problem);
    expect(createSchemaCompiler({ Named: schema }).check(schema)).toEqual(problem);
    expect(problem?.message).toContain(words);
    expect(['SCHEMA_INVALID', 'REGEX_INVALID']).toContain(problem?.code);
  });

  it.each([
    [{}],
    [
      {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        title: 'x',
        description: 'x',
        comment: 'x',
        examples: [1],
        default: 1,
        deprecated: true,
      },
    ],
    [{ $defs: { a: { type: 'string' } }, $ref: '#/$defs/a' }],
    [{ type: 'object', properties: { pattern: { type: 'string' }, format: { const: 'colour' } } }],
    [JSON.parse('{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": false}')],
    [{ prefixItems: [{ type: 'string' }], items: false, minItems: 1 }],
    [{ type: ['string', 'integer'], minimum: 1, maxLength: 2 }],
    [{ properties: { a: { type: 'array', uniqueItems: true } }, dependentRequired: { a: ['b'] } }],
  ])('%j is fine', (schema) => {
    expect(none.check(schema)).toBeNull();
  });
});
