import { describe, expect, test } from 'vitest';
import { RegistryError } from '../../src/errors/registry-error.ts';
import { projectIdentity } from '../../src/identity/collections.ts';
import type { Commit, CommitResult, RecordStore } from '../../src/ports/record-store.ts';
import { basic, bearer, failure, memoryStore, PASSWORD, remote, steppingClock, withAda } from './fixture.ts';

type CommitAs = (commit: Commit, store: RecordStore) => CommitResult | Promise<CommitResult>;

/** Identity on a store whose commits go as told, once it is set up. */
async function setUp() {
  const clock = steppingClock();
  const store = await memoryStore(clock);
  let commitAs: CommitAs = (commit) => store.commit(commit);
  const identity = await withAda({ ...store, commit: (commit) => commitAs(commit, store) }, clock);
  return {
    clock,
    store,
    identity,
    commits: (as: CommitAs) => {
      commitAs = as;
    },
  };
}

const broken = () => new RegistryError('COMMIT_UNKNOWN');
const nothingElse = { checks: [], deletes: [], events: [] };

describe('what a request costs', () => {
  test('where the store answers at once, so do tokens and known passwords: no promise', async () => {
    const { identity } = await setUp();
    const { token } = await identity.createToken({ user: 'ada', name: 'x', scopes: null, expiresAt: null });
    expect(identity.authenticate(bearer(token))).toMatchObject({ sub: 'ada' });
    expect(identity.authenticate(basic('ada', token))).toMatchObject({ sub: 'ada' });
    await identity.authenticate(basic('ada', PASSWORD));
    expect(identity.authenticate(basic('ada', PASSWORD))).toMatchObject({ sub: 'ada' });
  });

  test('a known token reads no record until something is committed', async () => {
    const clock = steppingClock();
    const store = remote(await memoryStore(clock));
    const identity = await withAda(store, clock);
    const { token } = await identity.createToken({ user: 'ada', name: 'x', scopes: null, expiresAt: null });
    const first = await identity.authenticate(bearer(token));
    const reads = store.reads();
    expect(await identity.authenticate(bearer(token))).toBe(first);
    expect(store.reads()).toBe(reads);
    await identity.setUserScopes('ada', ['admin']);
    expect(await identity.authenticate(bearer(token))).toMatchObject({ scopes: ['admin'] });
    expect(store.reads()).toBeGreaterThan(reads);
  });

  test('what is committed while the records are read is not missed', async () => {
    const clock = steppingClock();
    const inner = await memoryStore(clock);
    let whileReading = async () => {};
    const store: RecordStore = {
      ...inner,
      get: async (collection, key) => {
        const record = await inner.get(collection, key);
        if (collection === '$users') await whileReading();
        return record;
      },
    };
    const identity = await withAda(store, clock);
    const { id, token } = await identity.createToken({ user: 'ada', name: 'x', scopes: null, expiresAt: null });
    whileReading = async () => {
      whileReading = async () => {};
      await identity.revokeToken(id);
    };
    expect(await identity.authenticate(bearer(token))).toMatchObject({ sub: 'ada' });
    expect(await failure(() => identity.authenticate(bearer(token)))).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });
});

describe('records that are not what they should be', () => {
  test('a record under the right id with another hash lets nobody in', async () => {
    const { identity, store } = await setUp();
    const { id, token } = await identity.createToken({ user: 'ada', name: 'x', scopes: null, expiresAt: null });
    const record = (await store.get('$tokens', id))!;
    const { hash } = JSON.parse(record.value);
    const value = record.value.replace(hash, `${id}${'0'.repeat(32)}`);
    const rows = projectIdentity('$tokens', id, value);
    await store.commit({
      ...nothingElse,
      id: 'forged',
      puts: [{ collection: '$tokens', key: id, value, expiresAt: null, rows }],
    });
    expect(await failure(() => identity.authenticate(bearer(token)))).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  test('a store whose clock is late still shows an expired token, which counts for nothing', async () => {
    const clock = steppingClock();
    const identity = await withAda(await memoryStore(steppingClock()), clock);
    const expiresAt = '2030-01-01T00:01:00Z';
    const { token } = await identity.createToken({ user: 'ada', name: 'x', scopes: null, expiresAt });
    clock.advance(60_000);
    expect(await identity.listTokens('ada')).toHaveLength(1);
    expect(await failure(() => identity.authenticate(bearer(token)))).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });
});

describe('commits that go wrong', () => {
  test('one that was applied although the connection broke is not made twice', async () => {
    const { identity, commits, store } = await setUp();
    commits(async (commit) => {
      await store.commit(commit);
      throw broken();
    });
    expect(await identity.createUser({ username: 'bob', password: null, scopes: [] })).toMatchObject({
      username: 'bob',
    });
    expect(await identity.disableUser('bob')).toMatchObject({ disabled: true });
    expect(await identity.getUser('bob')).toMatchObject({ disabled: true });
  });

  test('one that was not applied is made again', async () => {
    const { identity, commits, store } = await setUp();
    let breaks = 2;
    commits(async (commit) => {
      if (breaks-- > 0) throw broken();
      return store.commit(commit);
    });
    expect(await identity.setUserScopes('ada', ['admin'])).toMatchObject({ scopes: ['admin'] });
    expect(await identity.getUser('ada')).toMatchObject({ scopes: ['admin'] });
    breaks = 2;
    expect(await identity.ensureAdmin({ password: null })).toMatchObject({ created: true });
    breaks = Infinity;
    expect(await failure(() => identity.disableUser('ada'))).toMatchObject({ code: 'COMMIT_UNKNOWN' });
  });

  test('a lost race is run again on what the winner wrote', async () => {
    const { identity, commits, store } = await setUp();
    let races = 3;
    commits(async (commit) => {
      if (races-- > 0) {
        const record = (await store.get('$users', 'ada'))!;
        const value = JSON.stringify({ ...JSON.parse(record.value), org: `org-${races}` });
        await store.commit({
          ...nothingElse,
          id: `race-${races}`,
          puts: [
            { collection: '$users', key: 'ada', value, expiresAt: null, rows: projectIdentity('$users', 'ada', value) },
          ],
        });
      }
      return store.commit(commit);
    });
    expect(await identity.setUserScopes('ada', ['admin'])).toMatchObject({ scopes: ['admin'], org: 'org-0' });
  });

  test('a race that is always lost ends with CONFLICT', async () => {
    const { identity, commits } = await setUp();
    commits((commit) => ({ ok: false, reason: 'check', check: commit.checks[0]! }));
    expect(await failure(() => identity.disableUser('ada'))).toMatchObject({ code: 'CONFLICT', retryable: true });
    expect(await failure(() => identity.login('ada', PASSWORD))).toMatchObject({ code: 'INTERNAL' });
  });

  test('a store that fails is no wrong password', async () => {
    const { identity, commits } = await setUp();
    commits(() => {
      throw new RegistryError('STORE_FAILURE');
    });
    expect(await failure(() => identity.login('ada', PASSWORD))).toMatchObject({ code: 'STORE_FAILURE' });
    expect(await failure(() => identity.ensureAdmin({ password: null }))).toMatchObject({ code: 'STORE_FAILURE' });
  });
});
