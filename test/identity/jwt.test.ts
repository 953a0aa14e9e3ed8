import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, exportJWK, exportSPKI, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { openIdentity } from '../../src/identity/identity.ts';
import { openSignedTokens } from '../../src/identity/jwt.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { basic, bearer, CHEAP, failure, memoryStore, PASSWORD, SCOPES, steppingClock, withAda } from './fixture.ts';
import { STORES } from './stores.ts';

const KEY = randomBytes(32);
const SIGNING = { key: KEY, issuer: 'acme.registry', audience: 'acme.clients', clockSkewMs: 30_000 };
const SESSION_MS = 900_000;
const INVALID = expect.objectContaining({ code: 'INVALID_CREDENTIALS', status: 401 });

const open = (store: RecordStore, clock: Clock) =>
  openIdentity({ store, clock, scopes: SCOPES, hashCost: CHEAP, signing: SIGNING, sessionMs: SESSION_MS });

describe('a signed token is taken only when all of it is right', () => {
  const clock = steppingClock();
  const now = clock.now() / 1000;
  const good = {
    iss: SIGNING.issuer,
    aud: SIGNING.audience,
    sub: 'ada',
    jti: 'a'.repeat(32),
    iat: now,
    nbf: now,
    exp: now + 900,
  };
  const sign = (claims: object, header: object = {}, key: Uint8Array = KEY) =>
    new SignJWT({ ...good, ...claims } as JWTPayload)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', ...header })
      .sign(key);
  const { verify } = openSignedTokens(SIGNING, clock);

  test('the good one', async () => {
    expect(await verify(await sign({}))).toMatchObject({ id: good.jti });
  });

  test('clocks that differ by less than the skew', async () => {
    expect(await verify(await sign({ nbf: now + 30, iat: now + 30 }))).toMatchObject({ id: good.jti });
  });

  const ed25519 = generateKeyPairSync('ed25519');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

  /** Signed by hand, where a library refuses to. */
  function forge(header: object, claims: object, key: string | Uint8Array): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part(header)}.${part(claims)}`;
    return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
  }

  const attacks: Readonly<Record<string, () => Promise<string> | string>> = {
    'no algorithm': () => new UnsecuredJWT(good).encode(),
    'no algorithm, in capitals': () => forge({ alg: 'NONE', typ: 'JWT' }, good, KEY).replace(/[^.]*$/, ''),
    'no algorithm, but a signature': () => forge({ alg: 'none', typ: 'JWT' }, good, KEY),
    'no header of an algorithm': () => forge({ typ: 'JWT' }, good, KEY),
    'another HMAC with the right key': () => sign({}, { alg: 'HS512' }, Buffer.concat([KEY, KEY])),
    'said to be another HMAC': () => forge({ alg: 'HS384', typ: 'JWT' }, good, KEY),
    'signed with a key pair': () =>
      new SignJWT(good).setProtectedHeader({ alg: 'EdDSA', typ: 'JWT' }).sign(ed25519.privateKey),
    'signed with RSA': () => new SignJWT(good).setProtectedHeader({ alg: 'RS256', typ: 'JWT' }).sign(rsa.privateKey),
    'a public key taken for a secret': async () =>
      forge({ alg: 'HS256', typ: 'JWT' }, good, await exportSPKI(rsa.publicKey)),
    'an empty secret': () => forge({ alg: 'HS256', typ: 'JWT' }, good, ''),
    'brings its own key': async () =>
      new SignJWT(good)
        .setProtectedHeader({ alg: 'EdDSA', typ: 'JWT', jwk: await exportJWK(ed25519.publicKey) })
        .sign(ed25519.privateKey),
    'names a key elsewhere': () =>
      forge({ alg: 'HS256', typ: 'JWT', kid: '../../dev/null', jku: 'http://evil.test/keys' }, good, ''),
    'the key of another registry': () => sign({}, {}, randomBytes(32)),
    'a critical header nobody knows': () => forge({ alg: 'HS256', typ: 'JWT', crit: ['b64'], b64: false }, good, KEY),
    'another type of token': () => sign({}, { typ: 'at+jwt' }),
    'no type': () => forge({ alg: 'HS256' }, good, KEY),
    expired: () => sign({ exp: now - 31 }),
    'not valid yet': () => sign({ nbf: now + 31 }),
    'never expires': () => sign({ exp: undefined }),
    'no begin': () => sign({ nbf: undefined }),
    'no id': () => sign({ jti: undefined }),
    'an id that is no text': () => sign({ jti: 5 }),
    'no subject': () => sign({ sub: undefined }),
    'wrong issuer': () => sign({ iss: 'acme.other' }),
    'no issuer': () => sign({ iss: undefined }),
    'wrong audience': () => sign({ aud: 'acme.others' }),
    'no audience': () => sign({ aud: undefined }),
    'another subject, the signature left': async () => {
      const [header, , signature] = (await sign({})).split('.');
      return `${header}.${Buffer.from(JSON.stringify({ ...good, sub: 'admin' })).toString('base64url')}.${signature}`;
    },
    'a signature cut short': async () => (await sign({})).slice(0, -4),
    'a signature left out': async () => (await sign({})).replace(/[^.]*$/, ''),
    'no JSON': () => 'aaaa.bbbb.cccc',
  };

  test.each(Object.entries(attacks))('refused: %s', async (_, attack) => {
    const text = await attack();
    expect(await failure(() => verify(text))).toEqual(INVALID);
    const identity = open(await memoryStore(clock), clock);
    expect(await failure(() => identity.authenticate(bearer(text)))).toEqual(INVALID);
  });
});

describe.each(STORES)('signed sessions on $name', ({ open: openStore }) => {
  async function setUp() {
    const clock = steppingClock();
    const openAgain = await openStore(clock);
    const store = await openAgain();
    await withAda(store, clock);
    const identity = open(store, clock);
    const other = open(await openAgain(), clock);
    const { token, expiresAt } = await identity.login('ada', PASSWORD);
    const everywhere = async (check: (one: typeof identity) => unknown) => {
      for (const one of [identity, other]) await check(one);
    };
    const refused = (text = token) =>
      everywhere(async (one) => expect(await failure(() => one.authenticate(bearer(text)))).toEqual(INVALID));
    const taken = (who: object = { sub: 'ada' }) =>
      everywhere(async (one) => expect(await one.authenticate(bearer(token))).toMatchObject(who));
    await taken();
    return { clock, store, identity, token, expiresAt, refused, taken };
  }

  test('say who holds them and until when, and nothing of what they may do', async () => {
    const { token, expiresAt, clock } = await setUp();
    const now = clock.now() / 1000;
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
    const { jti, ...claims } = decodeJwt(token);
    expect(jti).toMatch(/^[0-9a-f]{32}$/);
    expect(claims).toEqual({
      iss: 'acme.registry',
      aud: 'acme.clients',
      sub: 'ada',
      iat: now,
      nbf: now,
      exp: now + 900,
    });
    expect(expiresAt).toBe(new Date((now + 900) * 1000).toISOString());
  });

  test('come as the password of HTTP Basic too, for clients that know nothing else', async () => {
    const { identity, token, refused } = await setUp();
    for (const name of ['token', '__token__'])
      expect(await identity.authenticate(basic(name, token))).toMatchObject({ sub: 'ada' });
    expect(await failure(() => identity.authenticate(basic('token', 'no token')))).toEqual(INVALID);
    await identity.disableUser('ada');
    await refused();
    expect(await failure(() => identity.authenticate(basic('token', token)))).toEqual(INVALID);
  });

  test('end on the second, whatever skew is allowed', async () => {
    const { clock, taken, refused } = await setUp();
    clock.advance(SESSION_MS - 1);
    await taken();
    clock.advance(1);
    await refused();
  });

  test('end at once when the user is disabled, and when the password changes', async () => {
    const { identity, taken, refused } = await setUp();
    await identity.disableUser('ada');
    await refused();
    await identity.enableUser('ada');
    await taken();
    const next = await identity.changePassword('ada', PASSWORD, 'quite another one');
    await refused();
    expect(await identity.authenticate(bearer(next.token))).toMatchObject({ sub: 'ada' });
    await identity.setPassword('ada', 'a third one, then');
    await refused(next.token);
  });

  test('end at once when they are revoked by their id, and no other does', async () => {
    const { identity, token, refused } = await setUp();
    const second = await identity.login('ada', PASSWORD);
    const { jti } = decodeJwt(token);
    expect(await identity.listTokens('ada')).toContainEqual(expect.objectContaining({ id: jti, session: true }));
    expect(await identity.revokeToken(String(jti))).toBe(true);
    await refused();
    expect(await identity.authenticate(bearer(second.token))).toMatchObject({ sub: 'ada' });
  });

  test('have at once the scopes that their user has', async () => {
    const { identity, taken } = await setUp();
    await identity.setUserScopes('ada', ['admin']);
    await taken({ scopes: ['admin'] });
    await identity.setUserScopes('ada', []);
    await taken({ scopes: [] });
  });

  test('are not made by who has the key and nothing else', async () => {
    const { clock, refused, token } = await setUp();
    const forged = await openSignedTokens(SIGNING, clock).mint('ada', clock.now() + SESSION_MS);
    await refused(forged.token);
    // The id of a real session, and another expiry.
    const { jti } = decodeJwt(token);
    const longer = await new SignJWT({ ...decodeJwt(token), jti: String(jti), exp: clock.now() / 1000 + 86_400 })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(KEY);
    await refused(longer);
  });

  test('are nothing to a registry that signs none; API tokens and passwords are taken by both', async () => {
    const { store, clock, identity, token } = await setUp();
    const plain = openIdentity({ store, clock, scopes: SCOPES, hashCost: CHEAP });
    expect(await failure(() => plain.authenticate(bearer(token)))).toEqual(INVALID);
    const made = await identity.createToken({ user: 'ada', name: 'ci', scopes: null, expiresAt: null });
    for (const one of [identity, plain]) {
      expect(await one.authenticate(bearer(made.token))).toMatchObject({ sub: 'ada' });
      expect(await one.authenticate(basic('ada', PASSWORD))).toMatchObject({ sub: 'ada' });
    }
  });
});
