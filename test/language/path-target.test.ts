import { describe, expect, it } from 'vitest';
import type { RegistryError } from '../../src/errors/registry-error.ts';
import { splitTarget } from '../../src/language/path-target.ts';

function codeOf(target: string): string {
  try {
    splitTarget(target);
    return 'taken';
  } catch (error) {
    return (error as RegistryError).code;
  }
}

describe('a target taken apart', () => {
  it.each([
    ['/', [], '/', false, ''],
    ['/a', ['a'], '/a', false, ''],
    ['/a/', ['a'], '/a/', true, ''],
    ['/a/b?x=1?y=%zz', ['a', 'b'], '/a/b', false, 'x=1?y=%zz'],
    ['/?a', [], '/', false, 'a'],
    ['/@scope%2fname/-/x.tgz', ['@scope/name', '-', 'x.tgz'], '/@scope/name/-/x.tgz', false, ''],
    ['/a%2Fb/c', ['a/b', 'c'], '/a/b/c', false, ''],
    ['/%61%20%C3%A9', ['a é'], '/a é', false, ''],
    ['/%252e%252e', ['%2e%2e'], '/%2e%2e', false, ''],
    ['/a..b/...', ['a..b', '...'], '/a..b/...', false, ''],
    ['/a%0ab', ['a\nb'], '/a\nb', false, ''],
    ['/__proto__', ['__proto__'], '/__proto__', false, ''],
    ['/a+b', ['a+b'], '/a+b', false, ''],
    ['http://host:80/a/b?c', ['a', 'b'], '/a/b', false, 'c'],
    ['http://host', [], '/', false, ''],
  ])('%s', (target, segments, path, trailingSlash, query) => {
    expect(splitTarget(target)).toEqual({ segments, path, trailingSlash, query });
  });

  it.each([
    '//',
    '/a//b',
    '//a',
    '/a//',
    '/.',
    '/..',
    '/a/../b',
    '/a/./b',
    '/a/..',
    '/%2e',
    '/%2e%2e/a',
    '/%2E./a',
    '/.%2e/a',
    '/a/%2e%2e%2fb',
    '/a%2f..%2fb',
    '/..%2f..',
    '/%2f',
    '/a%2f',
    '/a%2f%2fb',
    '/%2fetc',
    '/a\\b',
    '/a%5cb',
    '/..%5c..',
    '/a%00',
    '/a\0',
    '/%',
    '/%2',
    '/%zz',
    '/%ff',
    '/%c0%ae%c0%ae',
    '/%e0%80%af',
    '/%ed%a0%80',
    '/%f5%80%80%80',
    '/é',
    '/a b',
    '/a\tb',
    '/a\r\nb',
    '/a#b',
    '',
    '*',
    'a/b',
    'ftp://host/a',
    'host:443',
    '?a',
  ])('%j is refused with BAD_PATH', (target) => {
    expect(codeOf(target)).toBe('BAD_PATH');
  });

  it('has limits', () => {
    expect(codeOf(`/${'a'.repeat(8191)}`)).toBe('taken');
    expect(codeOf(`/${'a'.repeat(8192)}`)).toBe('URI_TOO_LONG');
    expect(codeOf(`/a?${'a'.repeat(8192)}`)).toBe('URI_TOO_LONG');
    expect(codeOf('/a'.repeat(256))).toBe('taken');
    expect(codeOf('/a'.repeat(257))).toBe('URI_TOO_LONG');
  });
});
