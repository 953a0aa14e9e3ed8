import { describe, expect, test } from 'vitest';
import { compileTemplate, compileText, parseTemplate } from '../../src/language/template.ts';
import { StoredValue } from '../../src/language/values.ts';
import { handle, outcome, place } from './frame.ts';

const HEX = 'ab'.repeat(32);

async function run(json: unknown, variables: Record<string, unknown>): Promise<unknown> {
  const template = parseTemplate(json);
  if (template.problems.length > 0) return { problems: template.problems };
  const { scope, frame } = place(variables);
  const { evaluate, prelude } = compileTemplate(template, scope);
  await prelude?.(frame);
  return evaluate(frame);
}

const doc = () => new StoredValue('k', '{"name":"left-pad","tags":["a","b"],"deep":{"x.y":1},"none":null}', 1);
const missing = (path: string) => ({ code: 'VALUE_MISSING', details: { path } });
const invalid = (path: string) => ({ code: 'VALUE_INVALID', details: { path } });

type Case = readonly [what: string, json: unknown, variables: Record<string, unknown>, result: unknown];

const CASES: readonly Case[] = [
  // References keep the type
  ['$x alone keeps a number', '$n', { n: 7 }, 7],
  ['{x} alone keeps a list', '{list}', { list: [1] }, [1]],
  ['{x?} alone is the value', '{n?}', { n: 7 }, 7],
  ['an absent member alone is null', '$d.nothing', { d: {} }, null],
  ['a null variable alone is null', '$n', { n: null }, null],
  ['an unset variable alone is null', '$n', { n: undefined }, null],
  ['a member of null is null', '{n.a.b}', { n: null }, null],
  ['a member of a text is null', '$t.length', { t: 'abc' }, null],
  ['the length of a list is no member', '$l.length', { l: [1] }, null],
  ['an inherited member is none', '$d.toString', { d: {} }, null],
  ['constructor is no member', "$d['constructor']", { d: {} }, null],
  ['__proto__ is no member unless it is there', '$d.__proto__', { d: {} }, null],
  ['an own __proto__ is a member', '$d.__proto__', { d: JSON.parse('{"__proto__":5}') }, 5],
  // Paths
  ['a member', '$d.name', { d: doc() }, 'left-pad'],
  ['an element', '$d.tags[1]', { d: doc() }, 'b'],
  ['an element beyond the end', '$d.tags[9]', { d: doc() }, null],
  ['a quoted member', "$d.deep['x.y']", { d: doc() }, 1],
  ['a quoted member of no characters', "$d['']", { d: { '': 1 } }, 1],
  ['a member by a value', '$d[$k]', { d: doc(), k: 'name' }, 'left-pad'],
  ['a member by the value of a path', '$d.tags[$k.at[0]]', { d: doc(), k: { at: [1] } }, 'b'],
  ['an element by a decimal text', '$l[$k]', { l: ['a', 'b'], k: '1' }, 'b'],
  ['a member by a value that is null', '$d[$k]', { d: doc(), k: null }, null],
  ['a member by a value that is an object', '$d[$k]', { d: doc(), k: {} }, null],
  ['a value looks nothing up in the prototype', '$d[$k]', { d: {}, k: 'constructor' }, null],
  ['names have no hyphen', '$a-$b', { a: 1, b: 2 }, '1-2'],
  ['names may begin with _ and hold digits', '$_a1', { _a1: 1 }, 1],
  // Bytes
  ['digest of bytes', '$b.digest', { b: handle }, `sha256:${HEX}`],
  ['hex of bytes', '{b.hex}', { b: handle }, HEX],
  ['a named digest of bytes', '$b.digests.sha256', { b: handle }, `sha256:${HEX}`],
  ['an object of a client is no handle', '$b.hex', { b: { isByteHandle: true, size: 1 } }, null],
  // Roots
  ['a member of a root', '$request.query.q', {}, 'word'],
  ['an absent member of an open root', '$request.query.toString', {}, null],
  ['a root by quoted names', "{request['headers']['accept']}", {}, 'text/html'],
  ['env', '{env.ORIGIN}/x', {}, 'http://origin/x'],
  ['env that is not set', '$env.UNSET', {}, null],
  ['env by a value', '$env[$k]', { k: 'ORIGIN' }, 'http://origin'],
  ['the subject of nobody', '$principal.sub', {}, null],
  ['features', '$registry.features.proxy', {}, true],
  // Texts
  ['a text', 'a/{x}/$y.z', { x: 'b', y: { z: 'c' } }, 'a/b/c'],
  ['three and more substitutions', '{a}-{b}-{c}-$d!', { a: 1, b: 2, c: 3, d: 4 }, '1-2-3-4!'],
  ['a path in a text takes all that is path', 'x-$name.tgz', { name: { tgz: 1 } }, 'x-1'],
  ['a final full stop is itself', 'by $name.', { name: 'me' }, 'by me.'],
  ['[-1] is no element', 'x$l[-1]', { l: 'l' }, 'xl[-1]'],
  ['numbers and booleans are printed', '{n} {t} {f}', { n: 1.5, t: true, f: false }, '1.5 true false'],
  ['a minus zero is printed as JSON does', 'n{n}', { n: -0 }, 'n0'],
  ['null in a text is missing', 'a{x.y}', { x: { y: null } }, missing('x.y')],
  ['an absent member in a text is missing', 'a$x.y', { x: {} }, missing('x.y')],
  ['optional null in a text is empty', 'a{x?}b', { x: null }, 'ab'],
  ['an object in a text is invalid', 'a{x}', { x: {} }, invalid('x')],
  ['a list in a text is invalid', 'a{x?}', { x: [] }, invalid('x')],
  ['bytes in a text are invalid', 'a{x}', { x: handle }, invalid('x')],
  ['a document in a text is invalid', 'a{x}', { x: doc() }, invalid('x')],
  ['a document that is a text is one', 'a{x}', { x: new StoredValue('k', '"b"', 1) }, 'ab'],
  ['what a client sent is never scanned', 'a{x}', { x: '{y}$y{% 1 %}' }, 'a{y}$y{% 1 %}'],
  // Slices
  ['a slice', '{x:0:2}/{x:2:2}', { x: 'abcdef' }, 'ab/cd'],
  ['a slice to the end', '{x:4}', { x: 'abcdef' }, 'ef'],
  ['a slice alone is a text', '{x:1:1}', { x: 123 }, '2'],
  ['a slice of nothing is missing', '{x:1:1}', { x: null }, missing('x')],
  ['an optional slice of nothing is empty', '{x?:1:1}', { x: null }, ''],
  ['a slice beyond the end', '{x:9:2}', { x: 'abc' }, ''],
  ['a slice counts code points', '{x:1:2}', { x: 'a😀b😀' }, '😀b'],
  // Signs that are themselves
  ['$$ is $', '$$x', {}, '$x'],
  ['{{ and }} are braces', '{{x}}', {}, '{x}'],
  ['a substitution in braces', '{{{x}}}', { x: 1 }, '{1}'],
  ['$ before no name', 'costs 5$ or $5', {}, 'costs 5$ or $5'],
  ['{ before no name', '{"a": 1} { x }', {}, '{"a": 1} { x }'],
  ['}} is } wherever it stands', '{"a": {}}', {}, '{"a": {}'],
  ['a single }', 'a}b', {}, 'a}b'],
  ['$ alone', '$', {}, '$'],
  ['an expression inside a text is text', 'a{% 1 %}', {}, 'a{% 1 %}'],
  ['an expression after a space is text', ' {% 1 %}', {}, ' {% 1 %}'],
  ['the empty text', '', {}, ''],
  // Expressions
  ['an expression keeps the type', '{% $n + 1 %}', { n: 1 }, 2],
  ['expressions deep inside', { a: ['{% n * 2 %}', '{% m %}'] }, { n: 2, m: 'x' }, { a: [4, 'x'] }],
  // Objects and lists
  ['keys are texts', { 'k-$k': '$v' }, { k: 'a', v: 1 }, { 'k-a': 1 }],
  ['a whole reference as key is a text', { $k: 1 }, { k: 7 }, { '7': 1 }],
  ['a missing key', { $k: 1 }, { k: null }, missing('k')],
  ['a key twice', { $a: 1, $b: 2 }, { a: 'x', b: 'x' }, { code: 'VALUE_INVALID', details: { key: 'x' } }],
  ['null members stay', { a: '$x' }, { x: null }, { a: null }],
  // Members that may be left out
  ['a member of null is left out', { 'a?': '$x', 'b?': '$y', c: '$x' }, { x: null, y: 0 }, { b: 0, c: null }],
  ['an absent one, too', { 'a?': '$x.y' }, { x: {} }, {}],
  ['an empty one stays', { 'a?': '$x', 'b?': '$y' }, { x: '', y: [] }, { a: '', b: [] }],
  ['a key that is a text may be left out', { '{k}-{k}?': '$x' }, { k: 'a', x: 1 }, { 'a-a': 1 }],
  ['?? is a question mark', { 'a??': '$x', '??': 1 }, { x: null }, { 'a?': null, '?': 1 }],
  ['an own __proto__ is put there', { '__proto__?': '$x' }, { x: 5 }, JSON.parse('{"__proto__":5}')],
  ['an expression that gives nothing is left out', { 'a?': '{% $x.y %}', b: 1 }, { x: {} }, { b: 1 }],
  // Members of others
  ['the members of an object', { a: 1, '...': '$x' }, { x: { b: 2 } }, { a: 1, b: 2 }],
  ['the last of one name counts', { a: 1, '...': '$x', b: 3 }, { x: { a: 0, b: 0 } }, { a: 0, b: 3 }],
  ['the members of several', { '...': ['$x', { c: '$x.a' }, '$n'] }, { x: { a: 1 }, n: null }, { a: 1, c: 1 }],
  ['a list of objects', { '...': '$l' }, { l: [{ a: 1 }, null, { a: 2 }] }, { a: 2 }],
  ['nothing has no members', { a: 1, '...': '$x.y' }, { x: {} }, { a: 1 }],
  ['the members of what an expression gives', { '...': '{% $x.y %}' }, { x: { y: { a: 1 } } }, { a: 1 }],
  ['an own __proto__ among them', { '...': '$x' }, { x: JSON.parse('{"__proto__":5}') }, JSON.parse('{"__proto__":5}')],
  ['a text has no members', { '...': '$x' }, { x: 'abc' }, { code: 'VALUE_INVALID' }],
  ['bytes have none', { '...': '$b' }, { b: handle }, { code: 'VALUE_INVALID' }],
  [
    'a document that is a list has those of its objects',
    { '...': '$d' },
    { d: new StoredValue('k', '[1]', 1) },
    { code: 'VALUE_INVALID' },
  ],
  ['$literal is untouched', { $literal: { a: '$x', b: '{y}' } }, {}, { a: '$x', b: '{y}' }],
  ['$literal of a text', ['{x}', { $literal: '{x}' }], { x: 1 }, [1, '{x}']],
  ['$$literal is a key', { $$literal: '$x' }, { x: 1 }, { $literal: 1 }],
  ['scalars are themselves', [1, true, null, 'a'], {}, [1, true, null, 'a']],
  ['a list of references', ['$x', { y: '$x' }], { x: 1 }, [1, { y: 1 }]],
];

describe('objects made of others', () => {
  const PARTS: readonly (readonly [what: string, stored: string, json: unknown, text: string])[] = [
    ['goes on as it was stored', '{ "a": [1,  2] }', { '...': '$d', b: 1 }, '{ "a": [1,  2] ,"b":1}'],
    ['with what stands before it behind', '{"a":1}', { b: 2, '...': '$d' }, '{"a":1,"b":2}'],
    ['of no members', '{ }', { '...': '$d', b: 1 }, '{"b":1}'],
    ['that nothing is added to', '{"a":1}', { '...': '$d' }, '{"a":1}'],
  ];
  test.each(PARTS)('a document %s', async (_what, stored, json, text) => {
    const made = await run(json, { d: new StoredValue('k', stored, 1) });
    expect(made instanceof StoredValue ? made.text : made).toBe(text);
  });

  test.each([
    ['a name of it is replaced', '{"a":1}', { '...': '$d', a: 2 }, { a: 2 }],
    ['a name that it may have by an escape is added', '{"\\u0062":1}', { '...': '$d', b: 2 }, { b: 2 }],
    ['it counts where it stands last', '{"a":1}', { a: 2, '...': '$d' }, { a: 1 }],
    ['there are two', '{"a":1}', { '...': ['$d', '$d'] }, { a: 1 }],
  ] as const)('a document is read where %s', async (_what, stored, json, value) => {
    expect(await run(json, { d: new StoredValue('k', stored, 1) })).toEqual(value);
  });
});

describe('templates', () => {
  test.each(CASES)('%s', async (_what, json, variables, result) => {
    expect(await outcome(() => run(json, variables))).toEqual(result);
  });

  test('a key that comes out as __proto__ is an own member', async () => {
    for (const json of [JSON.parse('{"__proto__":"$v"}'), { $k: '$v' }]) {
      const value = await run(json, { k: '__proto__', v: { bad: 1 } });
      expect(Object.getOwnPropertyNames(value)).toEqual(['__proto__']);
      expect(Reflect.get(Object(value), 'bad')).toBeUndefined();
    }
    const constant = await run(JSON.parse('{"__proto__":{"bad":1}}'), {});
    expect(JSON.stringify(constant)).toBe('{"__proto__":{"bad":1}}');
  });

  test('a constant is one frozen value', () => {
    const template = parseTemplate({ a: ['$$x', { b: 1 }], c: { $literal: { d: [] } } });
    const { scope, frame } = place({});
    const { evaluate, prelude } = compileTemplate(template, scope);
    const value = evaluate(frame);
    expect(template.constant).toBe(true);
    expect(prelude).toBeNull();
    expect(value).toEqual({ a: ['$x', { b: 1 }], c: { d: [] } });
    expect(evaluate(frame)).toBe(value);
    const all = (item: unknown): boolean =>
      typeof item !== 'object' || item === null || (Object.isFrozen(item) && Object.values(item).every(all));
    expect(all(value)).toBe(true);
  });

  test('preludes run in the order written', async () => {
    const { scope, frame } = place({ a: 1 });
    const order: number[] = [];
    const slots = new Proxy(frame.slots, {
      set: (target, key, value) => {
        order.push(value);
        return Reflect.set(target, key, value);
      },
    });
    const { prelude } = compileTemplate(parseTemplate(['{% a + 1 %}', { x: '{% a + 2 %}' }, '{% a + 3 %}']), scope);
    await prelude?.({ ...frame, slots });
    expect(order).toEqual([2, 3, 4]);
  });

  test('an expression fails when its value is asked for, not before', async () => {
    const { scope, frame } = place({ a: {} });
    const { prelude, evaluate } = compileTemplate(parseTemplate('{% $uppercase(a) %}'), scope);
    await prelude?.(frame);
    expect(() => evaluate(frame)).toThrowError(expect.objectContaining({ code: 'EXPRESSION_FAILED' }));
  });
});

describe('what a template reads', () => {
  test('uses', () => {
    const { uses } = parseTemplate({
      'k/{a?}': '$b',
      c: ['x{d.e}', "{f['g'][$h.i]}", '{% j.k & $l %}', '$request.query.q'],
    });
    expect(uses.map(({ path, place, optional, whole, pointer }) => [path, place, optional, whole, pointer])).toEqual([
      ['a', 'text', true, true, '/k~1{a?}'],
      ['b', 'value', false, true, '/k~1{a?}'],
      ['d.e', 'text', false, false, '/c/0'],
      ["f['g'][$h.i]", 'value', false, false, '/c/1'],
      ['h.i', 'value', false, false, '/c/1'],
      ['j.k', 'expression', false, false, '/c/2'],
      ['l', 'expression', false, true, '/c/2'],
      ['request.query.q', 'value', false, false, '/c/3'],
    ]);
    expect(uses.map(({ name }) => name)).toEqual(['a', 'b', 'd', 'f', 'h', 'j', 'l', 'request']);
  });

  const PROBLEMS: readonly (readonly [what: string, json: unknown, pointer: string, code: string])[] = [
    ['a brace and a name that do not close', ['a {color: red}'], '/0', 'TEMPLATE_INVALID'],
    ['a brace at the end', '{x', '', 'TEMPLATE_INVALID'],
    ['spaces before the closing brace', '{x }', '', 'TEMPLATE_INVALID'],
    ['a member that the request has not', { a: '$request.querry.q' }, '/a', 'TEMPLATE_INVALID'],
    ['a member of the request by a value', '$request[$x]', '', 'TEMPLATE_INVALID'],
    ['an element of a root', '{principal[0]}', '', 'TEMPLATE_INVALID'],
    ['$literal beside another key', { $literal: 1, a: 2 }, '/$literal', 'TEMPLATE_INVALID'],
    ['one key twice after unescaping', { '}': 1, '}}': 2 }, '', 'TEMPLATE_INVALID'],
    ['one key with and without ?', { a: '$x', 'a?': '$y' }, '', 'TEMPLATE_INVALID'],
    ['the members of a text', { '...': 'text' }, '/...', 'TEMPLATE_INVALID'],
    ['the members of a number', { '...': 1 }, '/...', 'TEMPLATE_INVALID'],
    ['an expression as a key', { '{% a %}': 1 }, '/{% a %}', 'TEMPLATE_INVALID'],
    ['an expression that does not parse', { a: ['{% 1 + %}'] }, '/a/0', 'EXPRESSION_INVALID'],
    ['an expression of nothing', '{%%}', '', 'EXPRESSION_INVALID'],
    ['two expressions in one string', '{% 1 %}{% 2 %}', '', 'EXPRESSION_INVALID'],
  ];

  test.each(PROBLEMS)('%s is a problem', (_what, json, pointer, code) => {
    expect(parseTemplate(json).problems).toEqual([expect.objectContaining({ pointer, code })]);
  });

  test('a wrong member of a root comes with the right ones', () => {
    expect(parseTemplate('$principal.name').problems[0]?.fix).toBe('It has sub, scopes, roles, org');
  });
});

describe('texts', () => {
  const upper = (value: string) => value.toUpperCase();
  const TEXTS: readonly (readonly [
    what: string,
    json: unknown,
    variables: Record<string, unknown>,
    result: unknown,
  ])[] = [
    ['what is put in is encoded, the rest is not', 'a/{x}/b', { x: 'c' }, 'a/C/b'],
    ['a whole reference is encoded', '$x', { x: 'c' }, 'C'],
    ['a whole expression is encoded', '{% x & "d" %}', { x: 'c' }, 'CD'],
    ['a slice is taken before encoding', '{x:0:1}', { x: 'ßx' }, 'SS'],
    ['a literal text is not encoded', 'abc', {}, 'abc'],
    ['a number is printed', '$x', { x: 12 }, '12'],
    ['a literal number is printed', 12, {}, '12'],
    ['null is null', '$x', { x: null }, null],
    ['a literal null is null', null, {}, null],
    ['an object is invalid', '$x', { x: {} }, { code: 'VALUE_INVALID', details: { path: 'x' } }],
    ['an object template is invalid', { a: '$x' }, { x: 1 }, { code: 'VALUE_INVALID', details: undefined }],
    ['null inside a text is missing', 'a$x', { x: null }, { code: 'VALUE_MISSING', details: { path: 'x' } }],
  ];

  test.each(TEXTS)('%s', async (_what, json, variables, result) => {
    const { scope, frame } = place(variables);
    const { evaluate, prelude } = compileText(parseTemplate(json), scope, upper);
    await prelude?.(frame);
    expect(await outcome(() => evaluate(frame))).toEqual(result);
  });

  test('the encoder learns whose value it is', () => {
    const { scope, frame } = place({ a: 1, b: { c: 2 } });
    const { evaluate } = compileText(parseTemplate('{a}:{b.c}'), scope, (value, use) => `${use.path}=${value}`);
    expect(evaluate(frame)).toBe('a=1:b.c=2');
  });
});
