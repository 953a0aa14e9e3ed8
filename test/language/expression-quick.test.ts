import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, test } from 'vitest';
import { compileExpression, parseExpression } from '../../src/language/expression.ts';
import { compileQuick, UNSUITED } from '../../src/language/expression-quick.ts';
import type { AstNode } from '../../src/language/expression-walk.ts';
import { StoredValue } from '../../src/language/values.ts';
import { handle, outcome, place } from './frame.ts';

/** What the compiled expression gives at once; a promise means that the engine was asked. */
function answer(source: string, variables: Record<string, unknown>): unknown {
  const expression = parseExpression(source, '');
  expect(expression.problems).toEqual([]);
  const { scope, frame } = place(variables);
  return compileExpression(expression, scope)(frame);
}

/** What the expression engine itself gives, with nothing of ours around it. */
async function engineAnswer(source: string, variables: Record<string, unknown>): Promise<unknown> {
  const plain: Record<string, unknown> = structuredClone(variables);
  const result: unknown = await jsonata(source).evaluate(plain, plain);
  return result === undefined ? null : JSON.parse(JSON.stringify(result));
}

describe('expressions that are answered at once', () => {
  test.each<[string, Record<string, unknown>, unknown]>([
    ["$contains($substringBefore(a.version, '+'), '-')", { a: { version: '1.0.0-rc+x-y' } }, true],
    ["$contains($substringBefore(a.version, '+'), '-')", { a: { version: '1.0.0+x-y' } }, false],
    ["$substringAfter($a, '-')", { a: 'none' }, 'none'],
    ["a.b & '-' & a.c", { a: { b: 'x' } }, 'x-'],
    ["a.b = null ? 'null' : 'other'", { a: { b: null } }, 'null'],
    ['$exists(a.b) or $not(true)', { a: {} }, false],
    ['a.b != 1', { a: {} }, false],
    ['(a > 1) and b', { a: 2, b: 'x' }, true],
    ['$a.name', { a: new StoredValue('k', '{"name":"x"}', 1) }, 'x'],
    ['request.query.q', {}, 'word'],
    ['(a + 1) * b - 7 % 4 / 2', { a: 2, b: 10 }, 28.5],
  ])('%s of %o', (source, variables, result) => {
    expect(answer(source, variables)).toEqual(result);
  });

  test.each<[string, Record<string, unknown>]>([
    ['a', { a: [1] }],
    ['a.b', { a: [{ b: 1 }] }],
    ['a', { a: { b: 1 } }],
    ['a.toString', { a: {} }],
    ['a.size', { a: handle }],
    ['a & b', { a: 1, b: 'x' }],
    ['a + b', { a: 1, b: 'x' }],
    ['a - b', { a: 1, b: null }],
    ['a / b', { a: 1, b: 0 }],
    ['a * a', { a: 1e200 }],
    ['a < b', { a: 1, b: 'x' }],
    ['$contains(a, b)', { a: null, b: 'x' }],
    ['$not(a)', { a: 'x' }],
    ['a[b]', { a: 'x', b: true }],
    ['a[]', { a: 'x' }],
    ['$uppercase(a)', { a: 'x' }],
    ['($b := a; $b)', { a: 'x' }],
  ])('%s of %o is left to the engine', async (source, variables) => {
    const given = answer(source, variables);
    expect(given).toBeInstanceOf(Promise);
    await outcome(() => given);
  });

  test.each(['contains', 'substringBefore', 'substringAfter'])('$%s of texts is that of the engine', async (name) => {
    const source = `$${name}(a, b)`;
    const texts = ['', '-', '--', 'a-b-c', 'é😀-b', '\ud83d'];
    for (const a of texts)
      for (const b of texts) expect(answer(source, { a, b })).toBe(await engineAnswer(source, { a, b }));
  });

  const names = ['a', 'b', 'n', 'version'] as const;
  const { tree } = fc.letrec<{ tree: string; path: string }>((tie) => ({
    path: fc
      .tuple(fc.constantFrom('', '$'), fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }))
      .map(([mark, parts]) => mark + parts.join('.')),
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      { weight: 6, arbitrary: tie('path') },
      fc.constantFrom("''", "'-'", "'a'", "'é😀'", '0', '1', '-2.5', 'true', 'false', 'null'),
      fc
        .tuple(
          tie('tree'),
          fc.constantFrom('&', '=', '!=', '<', '<=', '>', '>=', 'and', 'or', '+', '-', '*', '/', '%'),
          tie('tree'),
        )
        .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
      fc.tuple(tie('tree'), tie('tree'), tie('tree')).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
      fc.tuple(tie('tree'), tie('tree')).map(([test, yes]) => `(${test} ? ${yes})`),
      fc.tuple(fc.constantFrom('exists', 'not'), tie('tree')).map(([name, of]) => `$${name}(${of})`),
      fc
        .tuple(fc.constantFrom('contains', 'substringBefore', 'substringAfter'), tie('tree'), tie('tree'))
        .map(([name, text, other]) => `$${name}(${text}, ${other})`),
    ),
  }));
  const scalar = fc.oneof(
    fc.constantFrom('', '-', 'a', 'a-é😀b', '1.0.0-rc.1+b', null, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: 'binary' }),
  );
  const inner = fc.record({ a: scalar, b: fc.array(scalar, { maxLength: 2 }), version: scalar }, { requiredKeys: [] });
  const value = fc.oneof(
    { weight: 3, arbitrary: scalar },
    { weight: 3, arbitrary: inner },
    fc.array(scalar, { maxLength: 2 }),
  );
  const variables = fc.record({ a: value, b: value, n: value, version: value });

  test('agree with the engine wherever they are not left to it', async () => {
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(tree, variables, async (source, given) => {
        const quick = compileQuick(jsonata(source).ast() as unknown as AstNode, readsOf(given));
        expect(quick).not.toBeNull();
        const result = quick?.(place(given).frame);
        if (result === UNSUITED) return;
        answered++;
        // Negative zero is zero in JSON.
        expect(JSON.parse(JSON.stringify(result ?? null))).toEqual(await engineAnswer(source, given));
      }),
      { numRuns: 2000 },
    );
    expect(answered).toBeGreaterThan(150);
  });
});

function readsOf(variables: Record<string, unknown>) {
  return new Map(Object.entries(variables).map(([name, value]) => [name, () => value] as const));
}
