import { describe, expect, test } from 'vitest';
import { compileExpression, parseExpression } from '../../src/language/expression.ts';
import { StoredValue } from '../../src/language/values.ts';
import { handle, outcome, place } from './frame.ts';

async function run(source: string, variables: Record<string, unknown>): Promise<unknown> {
  const expression = parseExpression(source, '');
  expect(expression.problems).toEqual([]);
  const { scope, frame } = place(variables);
  return outcome(() => compileExpression(expression, scope)(frame));
}

type Case = readonly [source: string, variables: Record<string, unknown>, result: unknown];

describe('expressions', () => {
  const CASES: readonly Case[] = [
    ['$a + b', { a: 1, b: 2 }, 3],
    ['meta.name', { meta: new StoredValue('k', '{"name":"x"}', 1) }, 'x'],
    ['$meta.deep.name', { meta: { deep: { name: 'x' } } }, 'x'],
    ['$$.meta.name', { meta: { name: 'x' } }, 'x'],
    ['$.meta.name', { meta: { name: 'x' } }, 'x'],
    ['$blob.digest', { blob: handle }, `sha256:${'ab'.repeat(32)}`],
    ['blob.size', { blob: handle }, 3],
    ['request.query.q & principal.scopes[0]', {}, 'wordread'],
    ['$request.body.size', {}, 3],
    ['env.ORIGIN', {}, 'http://origin'],
    ['env.toString', {}, null],
    ['registry.features.proxy', {}, true],
    ['meta.nothing', { meta: {} }, null],
    ['n', { n: null }, null],
    ['$n = null', { n: null }, true],
    ['count', { count: 4 }, 4],
    ['$count(count)', { count: [1, 2] }, 2],
    ['$now', { now: 'then' }, 'then'],
    ['{"a": [1, {"b": x}]}', { x: [1] }, { a: [1, { b: [1] }] }],
    ['list', { list: [[1], []] }, [[1], []]],
    ['list[0]', { list: ['a', 'b'] }, 'a'],
    ['list.(x & suffix)', { list: [{ x: 'a', suffix: 'b' }] }, 'ab'],
    [
      'list^(>v).n',
      {
        list: [
          { n: 'a', v: 1 },
          { n: 'b', v: 2 },
        ],
      },
      ['b', 'a'],
    ],
    ['meta ~> |$|{"extra": 1}|', { meta: { a: 1 } }, { a: 1, extra: 1 }],
    ['$uppercase(x) ~> $lowercase', { x: 'Ab' }, 'ab'],
    ['x ? "yes" : "no"', { x: true }, 'yes'],
    ['($f := function($n){ $n <= 1 ? 1 : $n * $f($n - 1) }; $f(x))', { x: 5 }, 120],
    ['$fromMillis(x)', { x: 0 }, '1970-01-01T00:00:00.000Z'],
    ['$toMillis(x)', { x: '1970-01-01T00:00:01Z' }, 1000],
    ['$string(x)', { x: { a: [0.1 + 0.2] } }, '{"a":[0.3]}'],
    ['$pad(x, -5, "0")', { x: '42' }, '00042'],
    ['$pad(x, 5, "ab")', { x: '😀' }, '😀abab'],
    ['$join(x, "-")', { x: ['a', 'b'] }, 'a-b'],
    ['$replace(x, /b+/, "-")', { x: 'abbcb' }, 'a-c-'],
    ['$replace(x, /(?<first>.)(.)/, "$2$1")', { x: 'abcd' }, 'badc'],
    ['$contains(x, /^ab/i)', { x: 'ABC' }, true],
    ['$match(x, /^b/m).index', { x: 'a\nb' }, 2],
    ['$reduce(x, function($a, $b){ $a + $b })', { x: [1, 2, 3] }, 6],
    ['a@$p.b@$q[$q.x = $p.y].{"z": c}', { a: [{ y: 1 }], b: [{ x: 1, c: 'inner' }], c: 'outer' }, { z: 'outer' }],
    ['$merge([x, {"b": 2}])', { x: { a: 1 } }, { a: 1, b: 2 }],
    [
      '$zip(x, [3, 4])',
      { x: [1, 2] },
      [
        [1, 3],
        [2, 4],
      ],
    ],
  ];

  test.each(CASES)('%s', async (source, variables, result) => {
    expect(await run(source, variables)).toEqual(result);
  });

  test('variables are not changed and the result is its own', async () => {
    const meta = Object.freeze({ list: Object.freeze([Object.freeze({ a: 1 })]) });
    const result = await run('meta.list', { meta });
    expect(result).toEqual([{ a: 1 }]);
    expect(Reflect.get(Object(result), 0)).not.toBe(meta.list[0]);
    expect(Object.isFrozen(result)).toBe(false);
  });

  test('two evaluations of one expression share nothing', async () => {
    const { scope, frame } = place({});
    const evaluate = compileExpression(parseExpression('{"a": [1]}', ''), scope);
    const first = await evaluate(frame);
    Reflect.set(Object(first), 'a', 'changed');
    expect(await evaluate(frame)).toEqual({ a: [1] });
  });

  test('lists in a result are plain arrays', async () => {
    const result = await run('list.name', { list: [{ name: 'a' }, { name: 'b' }] });
    expect(Object.getOwnPropertyNames(result)).toEqual(['0', '1', 'length']);
  });

  test('a member named __proto__ goes in and comes out as one', async () => {
    const result = await run('meta', { meta: JSON.parse('{"__proto__":{"a":1}}') });
    expect(JSON.stringify(result)).toBe('{"__proto__":{"a":1}}');
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  });

  test('data is not taken for a function', async () => {
    const meta = { fn: { _jsonata_lambda: true, thunk: true, body: {} } };
    expect(await run('$lookup(meta, "fn")', { meta })).toMatchObject({ code: 'VALUE_INVALID' });
  });
});

describe('lists stay lists', () => {
  const o = { only: { a: 1 } };
  const CASES: readonly Case[] = [
    ['$keys(x)', { x: o }, ['only']],
    ['$keys(x)', { x: {} }, []],
    ['$keys(x)', { x: [{ a: 1 }, { a: 2 }] }, ['a']],
    ['$keys(x.nothing)', { x: o }, []],
    ['$map(x, function($v){ $v * 2 })', { x: [1] }, [2]],
    ['$map(x, function($v, $i, $all){ $v + $i + $count($all) })', { x: [1, 2] }, [3, 5]],
    ['$map(x, function($v){ [$v] })', { x: [1, 2] }, [[1], [2]]],
    ['$map(x, $uppercase)', { x: ['a'] }, ['A']],
    ['$map(x, function($v){ $v.nothing })', { x: [{}] }, []],
    ['$map(x.nothing, $uppercase)', { x: {} }, []],
    ['$filter(x, function($v){ $v > 1 })', { x: [1, 2] }, [2]],
    ['$filter(x, function($v){ $v > 2 })', { x: [1, 2] }, []],
    ['$each(x, function($v, $k){ $k & $v })', { x: { a: 1 } }, ['a1']],
    ['$each(x, function($v, $k){ $k & $v })', { x: {} }, []],
    ['$sift(x, function($v){ $v > 1 })', { x: { a: 1 } }, {}],
    ['$spread(x)', { x: { a: 1 } }, [{ a: 1 }]],
    ['$spread(x)', { x: [{ a: 1 }, { b: 2 }] }, [{ a: 1 }, { b: 2 }]],
    ['$append(x, x.nothing)', { x: { a: 1 } }, [{ a: 1 }]],
    ['$append(x.nothing, x.nothing)', { x: {} }, []],
    ['$append(x, 2)', { x: [1] }, [1, 2]],
    ['$distinct(x)', { x: [1, 1, '1'] }, [1, '1']],
    ['$distinct(x)', { x: [{ a: 1 }, { a: 1 }] }, [{ a: 1 }]],
    ['$distinct(x.n)', { x: [{ n: 'a' }] }, ['a']],
    ['$sort(x)', { x: [3, 1, 2] }, [1, 2, 3]],
    ['$sort(x)', { x: ['b'] }, ['b']],
    [
      '$sort(x, function($l, $r){ $l.n < $r.n })',
      { x: [{ n: 1 }, { n: 3 }, { n: 2 }] },
      [{ n: 3 }, { n: 2 }, { n: 1 }],
    ],
    ['$reverse(x)', { x: [1, 2] }, [2, 1]],
    ['$split(x, "/")', { x: 'a' }, ['a']],
    ['$split(x, "/", 1)', { x: 'a/b' }, ['a']],
    ['$split(x, /[\\/-]/)', { x: 'a/b-c' }, ['a', 'b', 'c']],
    ['$split(x, /-/, 2)', { x: 'a-b-c' }, ['a', 'b']],
    ['$split(x, /-/)', { x: 'abc' }, ['abc']],
    ['$match(x, /(.)b/)', { x: 'ab' }, [{ match: 'ab', index: 0, groups: ['a'] }]],
    ['$match(x, /z/)', { x: 'ab' }, []],
    ['$lookup(x, "a")', { x: [{ a: 1 }] }, [1]],
    ['x ~> $keys', { x: o }, ['only']],
    ['{"k": $keys(x)}', { x: o }, { k: ['only'] }],
  ];

  test.each(CASES)('%s of %j', async (source, variables, result) => {
    expect(await run(source, variables)).toEqual(result);
  });
});

describe('what an expression reads', () => {
  const USES: readonly (readonly [source: string, paths: readonly string[]])[] = [
    ['a.b.c', ['a.b.c']],
    ['$a.b[c = d].e', ['a.b']],
    ['a[0].b', ['a']],
    ['a["x"].b', ['a']],
    ['$$.a.b & $.c', ['a.b', 'c']],
    ['a.(b & $c)', ['a', 'c']],
    ['a.{"x": b, "y": $d}', ['a', 'd']],
    ['{"x": b, $c: a}', ['b', 'c', 'a']],
    ['a{b: c}', ['a']],
    ['a^(b, >$c)', ['a', 'c']],
    ['[a, $b, -c]', ['a', 'b', 'c']],
    ['$map(a, function($v){ $v.x & b & $c })', ['a', 'b', 'c']],
    ['($x := $x + a; $x + y)', ['x', 'a', 'y']],
    ['(($x := 1); $x)', ['x']],
    ['($f := function($n){ $f($n - m) }; $f(1))', ['m']],
    ['a@$p.b@$q[$q.x = $p.y].{"z": c}', ['a', 'b', 'c']],
    ['a#$i[$i = 0]', ['a']],
    ['a ~> |b|{"c": d & $e}|', ['a', 'e']],
    ['a ? b : c', ['a', 'b', 'c']],
    ['$substringBefore(?, a)(b)', ['a', 'b']],
    ['$uppercase', []],
    ['`odd name`.x', ['odd name.x']],
    ['request.query.q', ['request.query.q']],
  ];

  test.each(USES)('%s', (source, paths) => {
    const { uses, problems } = parseExpression(source, '/p');
    expect(problems).toEqual([]);
    expect(uses.map((use) => use.path)).toEqual(paths);
    expect(uses.every((use) => use.place === 'expression' && use.pointer === '/p')).toBe(true);
  });

  const REFUSED: readonly (readonly [what: string, source: string])[] = [
    ['what does not parse', 'a +'],
    ['nothing', '  '],
    ['$eval', '$eval(a)'],
    ['$now', '$now()'],
    ['$random', '$random()'],
    ['$formatNumber', '$formatNumber(a, "#0")'],
    ['a function that nobody knows', '$frobnicate(a)'],
    ['everything', '$keys($$)'],
    ['everything by context', '$string($)'],
    ['everything by wildcard', '*.a'],
    ['everything by descent', '**.a'],
    ['the parent', 'a.b.%.c'],
    ['a regular expression that looks back', '$match(a, /(.)\\1/)'],
    ['a member that a root has not', 'request.foo'],
    ['a long expression', `a & "${'x'.repeat(2000)}"`],
  ];

  test.each(REFUSED)('%s is refused', (_what, source) => {
    const { problems } = parseExpression(source, '/p');
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatchObject({ pointer: '/p' });
    expect(problems.every(({ code }) => code === 'EXPRESSION_INVALID' || code === 'REGEX_INVALID')).toBe(true);
  });

  test('a function hidden in a variable is a variable of ours, and so unbound', () => {
    expect(parseExpression('($f := $eval; $f("1"))', '').uses.map((use) => use.name)).toEqual(['eval']);
    expect(parseExpression('a ~> $eval', '').uses.map((use) => use.name)).toEqual(['a', 'eval']);
  });
});

describe('limits', () => {
  const failed = { code: 'EXPRESSION_FAILED' };
  const CASES: readonly (readonly [what: string, source: string, variables: Record<string, unknown>])[] = [
    ['a type error', '$uppercase(x)', { x: 1 }],
    ['an error of its own', '$error("no")', {}],
    ['a function as result', '$uppercase', {}],
    ['a lambda inside the result', '{"a": function($x){ $x }}', {}],
    ['a number that JSON has not', 'x / 0', { x: 1 }],
    ['depth', '($f := function($n){ 1 + $f($n + 1) }; $f(1))', {}],
    ['time without depth', '($f := function($n){ $f($n + 1) }; $f(1))', {}],
    ['time in a loop', '$map([1..9999], function($a){ $map([1..9999], function($b){ $a * $b }) })', {}],
    ['time in an order', '[1..99999]^(>$)', {}],
    ['time in $distinct', '$distinct($map([1..9000], function($i){ {"a": $i} }))', {}],
    ['a long list', '[1..9999999]', {}],
    ['a list that doubles', `($x := [1..1000]; ${'$x := $append($x, $x); '.repeat(40)} $x)`, {}],
    ['a text that doubles', `($x := "0123456789abcdef"; ${'$x := $x & $x; '.repeat(60)} $length($x))`, {}],
    ['a padded text', '$pad("x", 999999999)', {}],
    ['a joined text', '$join($map([1..99], function($i){ x }), x)', { x: 'x'.repeat(1_000_000) }],
    ['a value inside itself', `($x := [1, 2]; ${'$x := [[$x], [$x]]; '.repeat(50)} $string($x))`, {}],
    ['a result that is shared a million times', `($x := [1, 2]; ${'$x := [[$x], [$x]]; '.repeat(50)} $x)`, {}],
    ['a large result', 'x & "!"', { x: 'x'.repeat(1024 * 1024) }],
  ];

  test.each(CASES)('%s', async (_what, source, variables) => {
    const start = performance.now();
    expect(await run(source, variables)).toMatchObject(failed);
    expect(performance.now() - start).toBeLessThan(2000);
  });

  test('a regular expression takes linear time', async () => {
    const x = `${'a'.repeat(20_000)}!`;
    expect(await run('$contains(x, /^(a+)+$/)', { x })).toBe(false);
    expect(await run('$count($match(x, /(a|aa)+$/))', { x })).toBe(0);
  });

  test('the time of others does not count', async () => {
    const source = '$count($map([1..300], function($i){ $i * 2 }))';
    const { scope, frame } = place({});
    const evaluate = compileExpression(parseExpression(source, ''), scope);
    const results = await Promise.all(Array.from({ length: 200 }, () => evaluate(frame)));
    expect(new Set(results)).toEqual(new Set([300]));
  });

  test('time in which the thread waits does not count', async () => {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const evaluation = run('$count($map([1..300], function($i){ $i * 2 }))', {});
    // Between its steps, as a commit that waits for the disk.
    for (let tick = 0; tick < 30; tick++) {
      await Promise.resolve();
      if (tick % 10 === 9) Atomics.wait(pause, 0, 0, 60);
    }
    expect(await evaluation).toBe(300);
  });
});
