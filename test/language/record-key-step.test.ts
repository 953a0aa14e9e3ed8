import { describe, expect, it } from 'vitest';
import type { RegistryError } from '../../src/errors/registry-error.ts';
import type { Frame, Scope } from '../../src/language/frame.ts';
import { compileKeyCodec, compileStepKey, parseKeyTemplate, parseStepKey } from '../../src/language/record-key.ts';
import { StoredValue } from '../../src/language/values.ts';

const ARTIFACT = 'artifact/{namespace}/{name}/{variant?}';

/** Evaluates a step's key over variables: the key, or the code of the failure. */
async function evaluate(json: unknown, source: string, variables: Readonly<Record<string, unknown>>): Promise<string> {
  const template = parseKeyTemplate(source);
  const key = parseStepKey(json, template);
  expect(key.problems).toEqual([]);
  const names = Object.keys(variables);
  const slots = Object.values(variables);
  const scope: Scope = { slotOf: (name) => names.indexOf(name), hidden: () => slots.push(null) - 1 };
  const compiled = compileStepKey(key, compileKeyCodec(template), scope);
  const frame: Frame = {
    slots,
    request: {
      method: 'GET',
      path: '/',
      query: { q: 'asked' },
      headers: {},
      url: '',
      base_url: '',
      ip: '',
      body: null,
    },
    principal: { sub: null, scopes: [], roles: [], org: null },
    route: { id: 'r', tags: [], pack: null, method: 'GET', path: '/' },
    registry: { features: {}, versioning: {}, mount: '' },
    env: {},
  };
  await compiled.prelude?.(frame);
  try {
    return compiled.evaluate(frame);
  } catch (error) {
    return (error as RegistryError).code;
  }
}

const variables = {
  ns: 'a/b',
  name: 'lib',
  none: null,
  empty: '',
  five: 5,
  list: [1],
  meta: new StoredValue('k', '{"namespace":"n","name":"m","hex":"abc","extra":1}', 1),
  key: 'artifact/a%2Fb/lib/',
  parts: { namespace: 'a/b', name: 'lib' },
};

describe('a key in a step', () => {
  it.each([
    // In the form of the template
    ['artifact/{ns}/{name}/{none?}', 'artifact/a%2Fb/lib/'],
    ['artifact/{ns}/{name}/{none}', 'artifact/a%2Fb/lib/'],
    ['artifact/{ns}/{name}/{empty?}', 'artifact/a%2Fb/lib/%'],
    ['artifact/$ns/$name/x', 'artifact/a%2Fb/lib/x'],
    ['artifact/library/{meta.name}/{five}', 'artifact/library/m/5'],
    ['artifact/{ns}/{name}/', 'artifact/a%2Fb/lib/'],
    ["artifact/{meta['name']}/{request.query.q}/{name:0:2}", 'artifact/m/asked/li'],
    ['artifact/sha256:{meta.hex}/$$x{{y}}/%', 'artifact/sha256:abc/$x{y}/%25'],
    ['artifact/{none}/{name}/x', 'VALUE_MISSING'],
    ['artifact/x{none}/{name}/x', 'VALUE_MISSING'],
    ['artifact/{list}/{name}/x', 'VALUE_INVALID'],
    ['artifact/{meta}/{name}/x', 'VALUE_INVALID'],
    // An object of parts
    [{ namespace: '$ns', name: '$name' }, 'artifact/a%2Fb/lib/'],
    [{ namespace: '$ns', name: 'v-{name}', variant: '$none' }, 'artifact/a%2Fb/v-lib/'],
    [{ namespace: 1, name: '{% $five + 1 %}', variant: '$empty' }, 'artifact/1/6/%'],
    [{ variant: null, name: '$none', namespace: 'x' }, 'VALUE_MISSING'],
    // A value that is a key or its parts
    ['$key', 'artifact/a%2Fb/lib/'],
    ['{key}', 'artifact/a%2Fb/lib/'],
    ['$parts', 'artifact/a%2Fb/lib/'],
    ['$meta', 'artifact/n/m/'],
    ['{% {"namespace": "x", "name": $name} %}', 'artifact/x/lib/'],
    ['$name', 'VALUE_INVALID'],
    ['$none', 'VALUE_MISSING'],
    ['$list', 'VALUE_INVALID'],
    ['$five', 'VALUE_INVALID'],
  ])('%j gives %s', async (json, expected) => {
    expect(await evaluate(json, ARTIFACT, variables)).toBe(expected);
  });

  it('of one bare part: $x is {x}, the value of that part', async () => {
    expect(await evaluate('$ns', '{id}', variables)).toBe('a%2Fb');
    expect(await evaluate('{ns}', '{id}', variables)).toBe('a%2Fb');
    expect(await evaluate({ id: '$ns' }, '{id}', variables)).toBe('a%2Fb');
    expect(await evaluate('x-{name}', '{id}', variables)).toBe('x-lib');
  });

  it('keeps the affixes of the template', async () => {
    expect(await evaluate('tag/v-{name}.x', 'tag/v-{tag}.x', variables)).toBe('tag/v-lib.x');
    expect(await evaluate('tag/v-x{name}.x', 'tag/v-{tag}.x', variables)).toBe('tag/v-xlib.x');
    expect(await evaluate('settings', 'settings', variables)).toBe('settings');
  });

  it('never reads a value as a template', async () => {
    expect(await evaluate('artifact/{a}/{b}/x', ARTIFACT, { a: '{b}', b: '$a/{a}' })).toBe('artifact/{b}/$a%2F{a}/x');
  });

  it.each([
    ['artifact/{a}/{b}', 'segments'],
    ['artifact/{a}/{b}/{c}/{d}', 'segments'],
    ['other/{a}/{b}/{c}', '"artifact"'],
    ['{a}/{b}/{c}/{d}', '"artifact"'],
    ['artifact/{a}{b}/{b}/{c}', '{namespace}'],
    ['artifact/{a}-{b}/{b}/{c}', '{namespace}'],
    ['artifact//{b}/{c}', '{namespace}'],
    ['artifact/{a?}/{b}/{c}', 'left out'],
    ['artifact/{a/{b}/{c}', 'substitution'],
    ['plain', 'segment'],
    [{ namespace: '$a' }, '"name" of the key is missing'],
    [{ namespace: '$a', name: '$b', other: 1 }, 'no part "other"'],
    [{ namespace: '$a', name: null }, 'may not be null'],
    [{ namespace: '$a', name: ['$b'] }, 'object or array'],
    [{ namespace: '$a', name: { $literal: {} } }, 'object or array'],
    [{ $literal: 'artifact/a/b/c' }, 'literal'],
    [5, 'A key is'],
    [null, 'A key is'],
    [['$a'], 'A key is'],
  ])('%j does not have the form', (json, words) => {
    const { problems } = parseStepKey(json, parseKeyTemplate(ARTIFACT));
    expect(problems[0]?.code).toBe('KEY_INVALID');
    expect(problems[0]?.message).toContain(words);
  });

  it('tells what it reads, and where null would fail', () => {
    const template = parseKeyTemplate(ARTIFACT);
    const read = (json: unknown) =>
      parseStepKey(json, template).uses.map(({ path, place, optional, pointer }) => ({
        path,
        place,
        optional,
        pointer,
      }));
    expect(read('artifact/{a}/x-{b.c}/{d}')).toEqual([
      { path: 'a', place: 'text', optional: false, pointer: '' },
      { path: 'b.c', place: 'text', optional: false, pointer: '' },
      { path: 'd', place: 'text', optional: true, pointer: '' },
    ]);
    expect(read({ namespace: '$a', name: '$b', variant: '$c' })).toEqual([
      { path: 'a', place: 'text', optional: false, pointer: '/namespace' },
      { path: 'b', place: 'text', optional: false, pointer: '/name' },
      { path: 'c', place: 'text', optional: true, pointer: '/variant' },
    ]);
    expect(read('$key')).toEqual([{ path: 'key', place: 'text', optional: false, pointer: '' }]);
  });
});
