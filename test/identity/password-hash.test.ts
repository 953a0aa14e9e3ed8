import { describe, expect, test } from 'vitest';
import {
  DEFAULT_COST,
  hashPassword,
  isOutdated,
  unmatchableHash,
  verifyPassword,
} from '../../src/identity/password-hash.ts';
import { CHEAP, failure } from './fixture.ts';

describe('password hashes', () => {
  test('the vector of the Argon2 reference implementation', async () => {
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await verifyPassword('password', hash)).toBe(true);
    expect(await verifyPassword('passwore', hash)).toBe(false);
  });

  test('at the default cost, with the cost in the string and a salt of its own', async () => {
    const [first, second] = await Promise.all([
      hashPassword('secret', DEFAULT_COST),
      hashPassword('secret', DEFAULT_COST),
    ]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword('secret', first)).toBe(true);
    expect(await verifyPassword('Secret', first)).toBe(false);
  });

  test('a hash stays good when the default cost changes, and is known to be outdated', async () => {
    const hash = await hashPassword('secret', CHEAP);
    expect(await verifyPassword('secret', hash)).toBe(true);
    expect(isOutdated(hash, CHEAP)).toBe(false);
    expect(isOutdated(hash, { ...CHEAP, passes: 2 })).toBe(true);
    expect(isOutdated(hash, { ...CHEAP, memoryKiB: 16 })).toBe(true);
  });

  test('nothing has the unmatchable hash, which costs as much as a real one', async () => {
    const hash = unmatchableHash(CHEAP);
    expect(isOutdated(hash, CHEAP)).toBe(false);
    for (const password of ['', 'secret', hash]) expect(await verifyPassword(password, hash)).toBe(false);
  });

  test.each([
    '',
    'plain',
    '$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q',
    '$2b$10$abcdefghijklmnopqrstuv',
  ])('what is no such hash fails without being shown: %j', async (hash) => {
    const error = await failure(() => verifyPassword('secret', hash));
    expect(error).toMatchObject({ code: 'INTERNAL', message: 'A stored password hash cannot be read' });
  });
});
