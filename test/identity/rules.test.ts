import { describe, expect, test } from 'vitest';
import {
  futureTime,
  knownScopes,
  label,
  newPassword,
  newUsername,
  normalizePassword,
} from '../../src/identity/rules.ts';
import { normalizeUsername } from '../../src/shared/username.ts';

const invalid = expect.objectContaining({ code: 'VALUE_INVALID' });

describe('user names', () => {
  test.each([
    ['Ada', 'ada'],
    ['ADA.Lovelace@example.org', 'ada.lovelace@example.org'],
    ['\uff21da', 'ada'],
    ['0', '0'],
    ['a'.repeat(64), 'a'.repeat(64)],
  ])('%j is %j', (text, name) => expect(normalizeUsername(text)).toBe(name));

  test.each([
    '',
    ' ada',
    'ada ',
    'ad a',
    'a:b',
    'a/b',
    '-a',
    '.',
    '..',
    '_a',
    '__proto__',
    'ad\u0000a',
    'ad\u0430',
    'a'.repeat(65),
    '\ufdfa'.repeat(60),
    'ada\n',
  ])('%j is none', (text) => expect(normalizeUsername(text)).toBeNull());

  test.each(['token', 'TOKEN', '__token__', 'a b'])('%j cannot be given', (text) =>
    expect(() => newUsername(text)).toThrow(invalid),
  );
});

describe('passwords', () => {
  test('are compared in NFC', () => expect(normalizePassword('cafe\u0301 noir')).toBe('caf\u00e9 noir'));

  test('take 1024 bytes', () => {
    expect(normalizePassword('x'.repeat(1024))).toHaveLength(1024);
    expect(normalizePassword('x'.repeat(1025))).toBeNull();
    expect(normalizePassword('\u20ac'.repeat(342))).toBeNull();
    expect(normalizePassword('\u20ac'.repeat(341))).not.toBeNull();
  });

  test.each(['', 'tab\there it is', 'null\u0000 is one', 'line\nline line'])('%j is none', (text) =>
    expect(normalizePassword(text)).toBeNull(),
  );

  test.each([
    'short',
    '1234567',
    '\u{1f600}'.repeat(7),
    'adalovelace',
    'AdaLovelace',
    'ept_is what tokens begin with',
    '',
    'x'.repeat(1025),
  ])('%j is refused', (text) => expect(() => newPassword(text, 'adalovelace', 8)).toThrow(invalid));

  test('the refusal does not show it', () => {
    try {
      newPassword('s3cr3t', 'ada', 8);
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toContain('s3cr3t');
    }
  });

  test('eight characters will do', () => {
    const faces = String.fromCodePoint(0x1f600, 0x1f610, 0x1f605, 0x1f620, 0x1f601, 0x1f603, 0x1f60a, 0x1f60f);
    expect(newPassword(faces, 'ada', 8)).toHaveLength(16);
  });

  test.each([
    'password',
    'PassWord',
    'Password1!',
    'changeme',
    'qwerty123',
    'letmein1',
    'iloveyou2024',
    '12345678',
    'aaaaaaaaaaaa',
    'abababababab',
    'abcdefghijkl',
    '9876543210',
    'administrator!',
  ])('%j is among the first that are guessed', (text) =>
    expect(() => newPassword(text, 'ada', 8)).toThrow(
      expect.objectContaining({ code: 'VALUE_INVALID', message: expect.stringContaining('first that are guessed') }),
    ),
  );

  test.each(['password of mine', 'my 12345678', 'correct horse', 'tr0ub4dor&3', 'abcdefgz', 'admin has one'])(
    '%j is not',
    (text) => expect(newPassword(text, 'ada', 8)).toBe(text),
  );
});

describe('scopes, names and times', () => {
  test('scopes are declared ones, once each', () => {
    expect(knownScopes(['read', 'read', 'publish'], ['read', 'publish'])).toEqual(['read', 'publish']);
    expect(knownScopes(['*'], ['read'])).toEqual(['*']);
    expect(() => knownScopes(['read', 'Read', 'root'], ['read'])).toThrow(
      expect.objectContaining({ code: 'VALUE_INVALID', details: { scopes: ['Read', 'root'] } }),
    );
  });

  test('a name is short and printable', () => {
    expect(label('  laptop ')).toBe('laptop');
    for (const text of ['', '  ', 'a\nb', 'x'.repeat(101)]) expect(() => label(text)).toThrow(invalid);
  });

  test('a time lies ahead', () => {
    const now = Date.UTC(2030, 0, 1);
    expect(futureTime('2030-01-01T02:00:00+01:00', now)).toBe('2030-01-01T01:00:00.000Z');
    for (const text of ['2030-01-01T00:00:00Z', '2029-12-31', 'tomorrow', ''])
      expect(() => futureTime(text, now)).toThrow(invalid);
  });
});
