import { expect, test } from 'vitest';
import { ownToken } from '../../src/identity/delegation.ts';
import { callerOf } from '../../src/identity/principal.ts';
import type { TokenRecord, UserRecord } from '../../src/identity/records.ts';
import { failure } from './fixture.ts';

const USER: UserRecord = {
  username: 'ada',
  passwordHash: null,
  scopes: ['read', 'publish'],
  roles: [],
  org: null,
  disabled: false,
  generation: 1,
  createdAt: '2030-01-01T00:00:00.000Z',
};
const TOKEN: TokenRecord = {
  id: '0',
  hash: '',
  user: 'ada',
  name: 'ci',
  scopes: null,
  generation: null,
  createdAt: USER.createdAt,
  expiresAt: null,
  revokedAt: null,
};
const DECLARED = { scopes: ['read', 'publish', 'admin'], adminScopes: ['admin'] };
const WANTED = { name: 'new', scopes: null, expiresAt: null };

const made = (token: Partial<TokenRecord> | null, wanted: Partial<typeof WANTED> | object) =>
  ownToken(callerOf(USER, token === null ? null : { ...TOKEN, ...token }, DECLARED), { ...WANTED, ...wanted });

test('who comes with a password, a session or a whole token gets what is asked for', () => {
  const session = { generation: 1, expiresAt: '2030-01-01T12:00:00Z' };
  for (const token of [null, {}, session]) {
    expect(made(token, {})).toEqual({ user: 'ada', name: 'new', scopes: null, expiresAt: null });
    expect(made(token, { scopes: ['read'], expiresAt: '2031-01-01' })).toMatchObject({
      scopes: ['read'],
      expiresAt: '2031-01-01',
    });
  }
});

test('a narrowed token makes none that is wider', async () => {
  expect(made({ scopes: ['read'] }, {}).scopes).toEqual(['read']);
  expect(made({ scopes: ['read'] }, { scopes: ['*'] }).scopes).toEqual(['read']);
  expect(made({ scopes: ['read', 'publish'] }, { scopes: ['publish'] }).scopes).toEqual(['publish']);
  for (const scopes of [['publish'], ['read', 'publish']])
    expect(await failure(() => made({ scopes: ['read'] }, { scopes }))).toMatchObject({ code: 'VALUE_INVALID' });
});

test('a token that ends makes none that lives longer', async () => {
  const token = { expiresAt: '2030-06-01T00:00:00.000Z' };
  expect(made(token, {}).expiresAt).toBe(token.expiresAt);
  expect(made(token, { expiresAt: '2030-05-01' }).expiresAt).toBe('2030-05-01');
  expect(await failure(() => made(token, { expiresAt: '2030-06-02' }))).toMatchObject({ code: 'VALUE_INVALID' });
  // What is no time at all is refused where tokens are made.
  expect(made(token, { expiresAt: 'soon' }).expiresAt).toBe('soon');
});

test('administrators hold a scope that reaches everything, or all scopes there are', () => {
  const admin = (user: Partial<UserRecord>, token: Partial<TokenRecord> | null = null, declared = DECLARED) =>
    callerOf({ ...USER, ...user }, token && { ...TOKEN, ...token }, declared).admin;
  expect(admin({})).toBe(false);
  expect(admin({ scopes: ['admin'] })).toBe(true);
  expect(admin({ scopes: ['*'] })).toBe(true);
  expect(admin({ scopes: ['*'] }, { scopes: ['read'] })).toBe(false);
  expect(admin({ scopes: ['*'] }, { scopes: ['admin'] })).toBe(true);
  expect(admin({ scopes: ['read'] }, { scopes: ['admin'] })).toBe(false);
  const none = { scopes: [], adminScopes: [] };
  expect(admin({ scopes: [] }, null, none)).toBe(false);
  expect(admin({ scopes: ['*'] }, null, none)).toBe(true);
  expect(admin({ scopes: ['*'] }, { scopes: [] }, none)).toBe(false);
});
