import { describe, expect, test } from 'vitest';
import { parseAuthorization } from '../../src/identity/authorization.ts';
import { generateToken } from '../../src/identity/token.ts';
import { basic } from './fixture.ts';

const { token } = generateToken();
const parse = (username: string, password: string) => parseAuthorization(basic(username, password)[0]!);

describe('the Authorization header', () => {
  test.each(['Bearer', 'bearer', 'BEARER', 'Bearer '])('%s', (scheme) => {
    expect(parseAuthorization(`${scheme} ${token}`)).toEqual({ kind: 'token', token, owner: null });
  });

  test('Basic with a password', () => {
    expect(parse('Ada', 'with:colons: and spaces')).toEqual({
      kind: 'password',
      username: 'ada',
      password: 'with:colons: and spaces',
    });
    expect(parse('ada', 'cafe\u0301')).toEqual({ kind: 'password', username: 'ada', password: 'caf\u00e9' });
  });

  test('Basic without padding', () => {
    const header = basic('ada', 'secret-words')[0]!;
    expect(header).toMatch(/=$/);
    expect(parseAuthorization(header.replace(/=+$/, ''))).toMatchObject({ username: 'ada', password: 'secret-words' });
  });

  test('Basic with a token for the password: its owner, or nobody in particular', () => {
    expect(parse('Ada', token)).toEqual({ kind: 'token', token, owner: 'ada' });
    for (const user of ['token', '__token__'])
      expect(parse(user, token)).toEqual({ kind: 'token', token, owner: null });
  });

  test.each([
    '',
    'Bearer',
    'Bearer ',
    token,
    `Token ${token}`,
    'Digest username="ada"',
    `Bearer ${token}, Bearer ${token}`,
    `Bearer ${token} x`,
    'Bearer \u0000',
    `Bearer ${'x'.repeat(5000)}`,
    'Basic',
    'Basic !!!!',
    'Basic YWRh', // ada
    'Basic YWRhOg==', // ada:
    'Basic OnNlY3JldA==', // :secret
    'Basic YWRhOv8=', // ada: and a byte that is not UTF-8
    'Basic YWRhOmE-', // a character of another base64
    'Basic YWRhOmEBYg==', // a control character
    'Basic YWRhOmFi=YWRhOmFi',
    basic('', token)[0]!,
    basic('a b', token)[0]!,
    basic('ada', 'x'.repeat(1025))[0]!,
  ])('not valid: %#', (header) => {
    expect(() => parseAuthorization(header)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CREDENTIALS',
        message: 'The credentials are not valid',
        details: undefined,
      }),
    );
  });
});
