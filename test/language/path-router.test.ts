import { describe, expect, it } from 'vitest';
import { parsePathPattern } from '../../src/language/path-pattern.ts';
import { createRouter, findClashes } from '../../src/language/path-router.ts';
import { splitTarget } from '../../src/language/path-target.ts';

function entriesOf(routes: readonly string[]) {
  return routes.map((route) => {
    const [methods = '', source = ''] = route.includes(' ') ? route.split(/ (.*)/) : ['GET', route];
    const pattern = parsePathPattern(source);
    expect(pattern.problems, source).toEqual([]);
    return { methods: methods.split(','), pattern, value: route };
  });
}

function matcher(routes: readonly string[]) {
  const router = createRouter(entriesOf(routes));
  return (request: string): Record<string, unknown> => {
    const [method = '', target = ''] = request.includes(' ') ? request.split(' ') : ['GET', request];
    const { segments, trailingSlash } = splitTarget(target);
    const match = router.match(method, segments, trailingSlash);
    return match.found ? { route: match.value, ...paramsOf(match) } : { allow: match.allow };
  };
}

function paramsOf(match: { readonly names: readonly string[]; readonly values: readonly string[] }) {
  return Object.fromEntries(match.names.map((name, at) => [name, match.values[at]]));
}

const NONE = { allow: [] };

describe('matching', () => {
  it('one segment, and one or more', () => {
    const match = matcher(['/v1/{name}', '/files/{path+}']);
    expect(match('/v1/a')).toEqual({ route: '/v1/{name}', name: 'a' });
    expect(match('/v1/a%2fb')).toEqual({ route: '/v1/{name}', name: 'a/b' });
    expect(match('/v1/a/b')).toEqual(NONE);
    expect(match('/v1')).toEqual(NONE);
    expect(match('/files/a')).toEqual({ route: '/files/{path+}', path: 'a' });
    expect(match('/files/a/b%2fc/d')).toEqual({ route: '/files/{path+}', path: 'a/b/c/d' });
    expect(match('/files')).toEqual(NONE);
  });

  it('literals inside a segment', () => {
    const match = matcher(['/{name}/-/{file}.tgz', '/v{major}/x', '/a-{x}-z', '/m/{path+}.sha1']);
    expect(match('/p/-/p-1.0.0.tgz')).toEqual({ route: '/{name}/-/{file}.tgz', name: 'p', file: 'p-1.0.0' });
    expect(match('/p/-/.tgz')).toEqual(NONE);
    expect(match('/p/-/x.tgzz')).toEqual(NONE);
    expect(match('/v12/x')).toEqual({ route: '/v{major}/x', major: '12' });
    expect(match('/a-b-z')).toEqual({ route: '/a-{x}-z', x: 'b' });
    expect(match('/a-z')).toEqual(NONE);
    expect(match('/a--z')).toEqual(NONE);
    expect(match('/m/a/b/c.jar.sha1')).toEqual({ route: '/m/{path+}.sha1', path: 'a/b/c.jar' });
    expect(match('/m/a/.sha1')).toEqual(NONE);
  });

  it('a regex sees the whole decoded value', () => {
    const match = matcher(['/a/{x:[0-9]{2,3}}', '/b/{x+:[a-z]+/[0-9]+}', '/c/{x:a|b}', '/d/{x:[^{}/]+\\}}.z']);
    expect(match('/a/12')).toEqual({ route: '/a/{x:[0-9]{2,3}}', x: '12' });
    expect(match('/a/%31%32')).toMatchObject({ x: '12' });
    expect(match('/a/1234')).toEqual(NONE);
    expect(match('/a/x12')).toEqual(NONE);
    expect(match('/b/abc/12')).toMatchObject({ x: 'abc/12' });
    expect(match('/b/abc/12/x')).toEqual(NONE);
    expect(match('/c/b')).toMatchObject({ x: 'b' });
    expect(match('/c/bc')).toEqual(NONE);
    expect(match('/d/ab%7d.z')).toMatchObject({ x: 'ab}' });
  });

  it('an exact trailing slash matters', () => {
    const match = matcher(['/simple/{p}/', '/plain/{p}', '/', '/files/{path+}/', '/both', 'GET /both/']);
    expect(match('/simple/a/')).toEqual({ route: '/simple/{p}/', p: 'a' });
    expect(match('/simple/a')).toEqual(NONE);
    expect(match('/plain/a')).toEqual({ route: '/plain/{p}', p: 'a' });
    expect(match('/plain/a/')).toEqual(NONE);
    expect(match('/files/a/b/')).toEqual({ route: '/files/{path+}/', path: 'a/b' });
    expect(match('/files/a/b')).toEqual(NONE);
    expect(match('/')).toEqual({ route: '/' });
    expect(match('/both')).toEqual({ route: '/both' });
    expect(match('/both/')).toEqual({ route: 'GET /both/' });
  });

  it('left to right, literal before affixed before regex before single before multi', () => {
    const routes = ['/x/{a+}', '/x/{a}', '/x/{a:[a-z.]+}', '/x/{a}.tgz', '/x/a.tgz'];
    for (const order of [routes, [...routes].reverse()]) {
      const match = matcher(order);
      expect(match('/x/a.tgz').route).toBe('/x/a.tgz');
      expect(match('/x/b.tgz')).toEqual({ route: '/x/{a}.tgz', a: 'b' });
      expect(match('/x/b.tg')).toEqual({ route: '/x/{a:[a-z.]+}', a: 'b.tg' });
      expect(match('/x/1')).toEqual({ route: '/x/{a}', a: '1' });
      expect(match('/x/1/2')).toEqual({ route: '/x/{a+}', a: '1/2' });
    }
  });

  it('the first difference decides, and what leads nowhere is taken back', () => {
    const match = matcher(['/{a}/b/c', '/a/{b}/d', '/a/{b}/c', '/{any+}']);
    expect(match('/a/b/c')).toEqual({ route: '/a/{b}/c', b: 'b' });
    expect(match('/a/b/d')).toEqual({ route: '/a/{b}/d', b: 'b' });
    expect(match('/x/b/c')).toEqual({ route: '/{a}/b/c', a: 'x' });
    expect(match('/x/b/d')).toEqual({ route: '/{any+}', any: 'x/b/d' });
    expect(match('/a/b/c/d')).toEqual({ route: '/{any+}', any: 'a/b/c/d' });
  });

  it('the longer affix goes first', () => {
    const match = matcher(['/{x}.gz', '/{x}.tar.gz', '/lib-{x}.gz', '/lib{x}.gz']);
    expect(match('/a.tar.gz')).toEqual({ route: '/{x}.tar.gz', x: 'a' });
    expect(match('/a.gz')).toEqual({ route: '/{x}.gz', x: 'a' });
    expect(match('/lib-a.gz')).toEqual({ route: '/lib-{x}.gz', x: 'a' });
    expect(match('/liba.gz')).toEqual({ route: '/lib{x}.gz', x: 'a' });
  });

  it('names with slashes: the rightmost marker decides', () => {
    const match = matcher([
      '/v2/',
      '/v2/{name+}/manifests/{reference}',
      '/v2/{name+}/blobs/{digest}',
      '/v2/{name+}/blobs/uploads/',
      '/v2/{name+}/blobs/uploads/{id}',
      '/v2/{name+}/tags/list',
    ]);
    expect(match('/v2/')).toEqual({ route: '/v2/' });
    expect(match('/v2/a/manifests/latest')).toMatchObject({ name: 'a', reference: 'latest' });
    expect(match('/v2/a/b/c/manifests/latest')).toMatchObject({ name: 'a/b/c', reference: 'latest' });
    expect(match('/v2/manifests/manifests/manifests')).toMatchObject({ name: 'manifests', reference: 'manifests' });
    expect(match('/v2/a/manifests/b/manifests/c')).toMatchObject({ name: 'a/manifests/b', reference: 'c' });
    expect(match('/v2/a/blobs/b/manifests/c')).toMatchObject({ name: 'a/blobs/b', reference: 'c' });
    expect(match('/v2/a/blobs/uploads/')).toEqual({ route: '/v2/{name+}/blobs/uploads/', name: 'a' });
    expect(match('/v2/a/blobs/uploads/1')).toMatchObject({ name: 'a', id: '1' });
    expect(match('/v2/a/blobs/uploads')).toMatchObject({ name: 'a', digest: 'uploads' });
    expect(match('/v2/tags/list/tags/list')).toEqual({ route: '/v2/{name+}/tags/list', name: 'tags/list' });
    expect(match('/v2/manifests/x')).toEqual(NONE);
  });

  it('several multis: the first takes what it can', () => {
    const match = matcher(['/{a+}/-/{b+}', '/{a+}/-/{b+}/x', '/{a+}']);
    expect(match('/1/-/2/3')).toEqual({ route: '/{a+}/-/{b+}', a: '1', b: '2/3' });
    expect(match('/1/-/2/-/3')).toEqual({ route: '/{a+}/-/{b+}', a: '1/-/2', b: '3' });
    expect(match('/1/-/2/x')).toEqual({ route: '/{a+}/-/{b+}/x', a: '1', b: '2' });
    expect(match('/1/-')).toEqual({ route: '/{a+}', a: '1/-' });
  });

  it('several multis do not multiply their work', () => {
    const match = matcher(['/{a+}/a/{b+}/a/{c+}/a/{d+}/a/{e+}/b', '/{a+}/a/{b+:[a-z/]+}/a/{c+:[a-z/]+}/c']);
    const started = performance.now();
    expect(match('/a'.repeat(256))).toEqual(NONE);
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('names of members that every object has are ordinary names and values', () => {
    const router = createRouter(entriesOf(['/{constructor}/{toString}']));
    const match = router.match('GET', ['__proto__', 'valueOf'], false);
    expect(match).toEqual({
      found: true,
      value: '/{constructor}/{toString}',
      names: ['constructor', 'toString'],
      values: ['__proto__', 'valueOf'],
    });
    expect(router.match('constructor', ['a', 'b'], false).found).toBe(false);
    expect(createRouter(entriesOf(['/a'])).match('GET', ['constructor'], false)).toEqual({ found: false, allow: [] });
  });
});

describe('methods', () => {
  it('HEAD comes with GET, unless it has a route of its own', () => {
    const match = matcher(['GET /a', 'GET /b', 'HEAD /b', 'PUT /c']);
    expect(match('HEAD /a').route).toBe('GET /a');
    expect(match('HEAD /b').route).toBe('HEAD /b');
    expect(match('HEAD /c')).toEqual({ allow: ['PUT'] });
  });

  it('a known path with another method tells which it answers', () => {
    const match = matcher(['GET /a/{x}', 'PUT,POST /a/{x}', 'DELETE /{any+}']);
    expect(match('PATCH /a/b')).toEqual({ allow: ['DELETE', 'GET', 'HEAD', 'POST', 'PUT'] });
    expect(match('get /a/b')).toEqual({ allow: ['DELETE', 'GET', 'HEAD', 'POST', 'PUT'] });
    expect(match('GET /a/b/c')).toEqual({ allow: ['DELETE'] });
    expect(match('GET /')).toEqual(NONE);
  });

  it('a more specific path of another method does not hide a route', () => {
    const match = matcher(['PUT /a/b', 'GET /a/{x}']);
    expect(match('GET /a/b')).toEqual({ route: 'GET /a/{x}', x: 'b' });
    expect(match('PUT /a/c')).toEqual({ allow: ['GET', 'HEAD'] });
  });
});

describe('clashes', () => {
  const count = (...routes: string[]) => findClashes(entriesOf(routes)).length;

  it.each([
    ['/a/{x}', '/a/{y}'],
    ['/a/b', '/a/b'],
    ['/{x+}/a', '/{y+}/a'],
    ['/{x}.tgz', '/{y}.tgz'],
    ['/a-{x}', '/{x}.tgz'],
    ['/{x:[a-z]+}', '/{y:[a-z0-9]+}'],
    ['/{x:[a-z]+}/b', '/{y:[a-z0-9]+}/{z}'],
    ['/{x:[a-z]+}/{w}.tgz', '/{y:[a-z0-9]+}/c.tgz'],
    ['GET,PUT /a/{x}', 'POST,PUT /a/{y}'],
    ['/a/{x}/', '/a/{y}/'],
    ['/{x:[a-z]+}/{z+}', '/{y:[a-z0-9]+}/a/b'],
  ])('%s and %s clash', (first, second) => {
    expect(count(first, second)).toBe(1);
    expect(count(second, first)).toBe(1);
  });

  it.each([
    ['/a/{x}', '/a/b'],
    ['/a/{x}', '/b/{x}'],
    ['/a/{x}', '/a/{x}/'],
    ['/a/{x}', '/a/{x+}'],
    ['/a/{x}', '/a/{x}/b'],
    ['/{x+}', '/{x+}/b'],
    ['/{x+}/manifests/{y}', '/{x+}/blobs/{y+}'],
    ['/{x}.tgz', '/{x}.zip'],
    ['/{x}.gz', '/{x}.tar.gz'],
    ['/{x+}.sha1', '/{x+}.md5'],
    ['/a{x}', '/b{x}'],
    ['/{x:[a-z]+}', '/{x:[0-9]+}'],
    ['/{x:[0-9a-f]{40}}', '/{x:[0-9a-f]{64}}'],
    ['/{x:[a-z]+}', '/{x}'],
    ['/{x:[a-z]+}/b', '/{y:[a-z0-9]+}/c'],
    ['/{x:[a-z]+}/b', '/{y:[a-z0-9]+}/{z}.tgz'],
    ['GET /a/{x}', 'PUT /a/{y}'],
    ['GET /a', 'HEAD /a'],
    ['/{x}.tgz', '/{x:[a-z]+}.tgz'],
  ])('%s and %s do not', (first, second) => {
    expect(count(first, second)).toBe(0);
    expect(count(second, first)).toBe(0);
  });

  it('names both and the method', () => {
    const routes = ['GET,PUT /a/{x}', 'GET /b', 'PUT /a/{y}'];
    expect(findClashes(entriesOf(routes))).toEqual([{ first: 'GET,PUT /a/{x}', second: 'PUT /a/{y}', method: 'PUT' }]);
  });
});

describe('patterns', () => {
  it('knows its parameters', () => {
    const pattern = parsePathPattern('/v2/{name+}/blobs/{digest:sha256:[0-9a-f]{64}}.json/');
    expect(pattern.problems).toEqual([]);
    expect(pattern.params).toEqual([
      { name: 'name', multi: true },
      { name: 'digest', multi: false },
    ]);
    expect(pattern.segments[3]).toMatchObject({ suffix: '.json', regexSource: 'sha256:[0-9a-f]{64}' });
    expect(pattern.trailingSlash).toBe(true);
    expect(parsePathPattern('')).toMatchObject({ segments: [], trailingSlash: false, problems: [] });
  });

  it.each([
    ['a/b', 'begins with'],
    ['/a//b', 'empty'],
    ['//', 'empty'],
    ['/a/../b', 'never matched'],
    ['/./b', 'never matched'],
    ['/{a', 'not closed'],
    ['/a}', 'closes nothing'],
    ['/{}', 'not a name'],
    ['/{a-b}', 'not a name'],
    ['/{+}', 'not a name'],
    ['/{1a}', 'not a name'],
    ['/{a?}', 'not a name'],
    ['/{a}{b}', 'more than one'],
    ['/{a}-{b}', 'more than one'],
    ['/{a}/{a}', 'twice'],
    ['/{__proto__}', '__proto__'],
    ['/{request}', 'request'],
    ['/{a:}', 'empty'],
    ['/{a:(}', 'not valid'],
    ['/{a:x)|(y}', 'not valid'],
    ['/{a:(?=x)}', 'linear time'],
    ['/a%20b', '%'],
    ['/a?b', '?'],
    ['/a#b', '#'],
    ['/a\\b', '\\'],
    ['/a\nb', '\\n'],
  ])('%j is a problem', (source, words) => {
    const { problems } = parsePathPattern(source);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatchObject({ code: 'PATH_INVALID', pointer: '' });
    expect(problems.map((problem) => problem.message).join(' ')).toContain(words);
  });
});
