import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { type GuardedRecordStore, guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import { openPostgresRecordStore } from '../../src/adapters/record-store/postgres.ts';
import { RegistryError } from '../../src/errors/registry-error.ts';
import type { Check, Commit, CommitResult } from '../../src/ports/record-store.ts';
import { claim, commitOf, ITEMS, item, PLAIN, reasonOf, write } from '../conformance/record-fixture.ts';
import { startPostgresProxy } from '../support/postgres-proxy.ts';
import { describePostgres, freshSchema } from '../support/shared-postgres.ts';

const MANY = 200;

describePostgres('commits of one process on PostgreSQL', (server) => {
  async function open(url: string, schema: string): Promise<GuardedRecordStore> {
    const store = guardRecordStore(openPostgresRecordStore({ url, schema, poolSize: 8 }));
    onTestFinished(() => store.close());
    await store.migrate([ITEMS, PLAIN], () => ({}));
    return store;
  }

  async function client(): Promise<Client> {
    const one = new Client({ connectionString: server.url });
    await one.connect();
    onTestFinished(() => one.end());
    return one;
  }

  const event = (id: string) => ({ id, type: 't', at: '2026-01-01T00:00:00Z', payload: '{}' });
  const isAt = (key: string, version: number | null): Check => ({ kind: 'record', collection: 'items', key, version });
  const versionOf = (result: CommitResult): number => (result.ok ? result.version : 0);
  const numbered = (count: number) => Array.from({ length: count }, (_, number) => number);
  const all = async (store: GuardedRecordStore, commits: readonly Commit[]) =>
    Promise.all(commits.map(async (commit) => store.commit(commit)));

  it('share transactions where they have nothing to do with each other, and each has its events', async () => {
    const store = await open(server.url, freshSchema(server.url));
    const commits = numbered(MANY).map((number) =>
      commitOf({
        checks: [isAt(`k${number}`, null)],
        puts: [item(`k${number}`, { name: 'n', rank: number, tags: ['t'] })],
        events: [event(`${number}a`), event(`${number}b`)],
      }),
    );
    const results = await all(store, commits);
    expect(results.map(reasonOf)).toEqual(commits.map(() => 'ok'));
    const versions = new Set(results.map(versionOf));
    console.log(`${MANY} commits in ${versions.size} transactions`);
    // A version is the id of a transaction.
    expect(versions.size).toBeLessThan(MANY / 10);
    const events = await store.events(0, 1000);
    expect(events).toHaveLength(2 * MANY);
    expect(new Set(events.map(({ position }) => position)).size).toBe(2 * MANY);
    for (const number of numbered(MANY)) {
      const at = events.findIndex(({ id }) => id === `${number}a`);
      expect(events[at + 1]?.id).toBe(`${number}b`);
      expect(events[at]?.version).toBe(versionOf(results[number]!));
      expect((await store.get('items', `k${number}`))?.version).toBe(versionOf(results[number]!));
      expect(await store.outcome(commits[number]!.id)).toBe(versionOf(results[number]!));
    }
  });

  it('come one after the other where they write one record, and one of those wins that saw the same', async () => {
    const store = await open(server.url, freshSchema(server.url));
    const blind = await all(
      store,
      numbered(30).map((number) => commitOf({ puts: [item('hot', { rank: number })], events: [event(`e${number}`)] })),
    );
    expect(new Set(blind.map(versionOf)).size).toBe(30);
    const seen = (await store.get('items', 'hot'))?.version ?? null;
    expect(seen).toBe(Math.max(...blind.map(versionOf)));
    const racing = await all(
      store,
      numbered(MANY).map(() => commitOf({ checks: [isAt('hot', seen)], puts: [item('hot')] })),
    );
    const reasons = racing.map(reasonOf);
    expect(reasons.filter((reason) => reason === 'ok')).toHaveLength(1);
    expect(reasons.filter((reason) => reason === 'check record')).toHaveLength(MANY - 1);
    expect((await store.get('items', 'hot'))?.version).toBe(Math.max(...racing.map(versionOf)));
    expect(await store.events(0, 100)).toHaveLength(30);
  });

  it('fail each for itself: a unique key, a check, one that was given up', async () => {
    const store = await open(server.url, freshSchema(server.url));
    await write(store, { puts: [claim('holder', { owner: 'o', slot: 1 }), item('there')] });
    expect(await store.outcome('late')).toBeNull();
    const good = numbered(20).map((number) =>
      commitOf({ puts: [claim(`k${number}`, { owner: 'p', slot: number })], events: [event(`e${number}`)] }),
    );
    const taken = commitOf({ puts: [claim('other', { owner: 'o', slot: 1 })], events: [event('taken')] });
    const lost = commitOf({ checks: [isAt('there', null)], puts: [item('lost')], events: [event('lost')] });
    const late = commitOf({ id: 'late', puts: [item('late')], events: [event('late')] });
    const bad = [taken, lost, late];
    const answers = await Promise.allSettled(
      [...good.slice(0, 10), ...bad, ...good.slice(10)].map(async (one) => store.commit(one)),
    );
    const told = answers.map((answer) =>
      answer.status === 'fulfilled' ? reasonOf(answer.value) : (answer.reason as RegistryError).code,
    );
    expect(told.toSpliced(10, 3)).toEqual(good.map(() => 'ok'));
    expect(told.slice(10, 13)).toEqual(['unique items.claims one_per_slot holder', 'check record', 'STORE_FAILURE']);
    const versions = answers.map((answer) => (answer.status === 'fulfilled' ? versionOf(answer.value) : 0));
    expect(new Set(versions.filter((version) => version > 0)).size).toBeLessThan(good.length / 2);
    expect((await store.events(0, 100)).map(({ id }) => id).toSorted()).toEqual(
      good.flatMap(({ events }) => events.map(({ id }) => id)).toSorted(),
    );
    for (const { id } of bad) expect(await store.outcome(id)).toBeNull();
    for (const key of ['other', 'lost', 'late']) expect(await store.get('items', key)).toBeNull();
  });

  it('see each other where one takes what another lets go of', async () => {
    const store = await open(server.url, freshSchema(server.url));
    await write(store, { puts: numbered(10).map((number) => claim(`a${number}`, { owner: 'o', slot: number })) });
    // The second of each pair fits only after the first; what ties them shows only in what the first replaces.
    const pairs = numbered(10).flatMap((number) => [
      commitOf({ puts: [claim(`a${number}`, { owner: 'free', slot: number })] }),
      commitOf({ puts: [claim(`b${number}`, { owner: 'o', slot: number })] }),
    ]);
    const reasons = (await all(store, pairs)).map(reasonOf);
    expect(reasons.filter((_, place) => place % 2 === 0)).toEqual(numbered(10).map(() => 'ok'));
    for (const number of numbered(10)) {
      const second = reasons[2 * number + 1];
      expect(['ok', `unique items.claims one_per_slot a${number}`]).toContain(second);
      expect((await store.get('items', `b${number}`)) !== null).toBe(second === 'ok');
    }
    const where = [{ column: 'owner', op: 'eq', value: 'o' }] as const;
    const owned = await store.count({ collection: 'items', index: 'items.claims', where });
    expect(owned).toBe(reasons.filter((reason, place) => place % 2 === 1 && reason === 'ok').length);
  });

  it('do not wait for long on one among them that another server holds up', async () => {
    const schema = freshSchema(server.url);
    const store = await open(server.url, schema);
    await write(store, { puts: [item('held')] });
    const other = await client();
    await other.query(`BEGIN; SELECT 1 FROM ${schema}.records WHERE key = 'held' FOR UPDATE`);
    const startedAt = performance.now();
    const held = Promise.resolve(store.commit(commitOf({ puts: [item('held', { rank: 1 })] })));
    const others = await all(
      store,
      numbered(20).map((number) => commitOf({ puts: [item(`k${number}`)] })),
    );
    expect(others.map(reasonOf)).toEqual(others.map(() => 'ok'));
    expect(performance.now() - startedAt).toBeLessThan(4000);
    await other.query('COMMIT');
    expect(reasonOf(await held)).toBe('ok');
  });

  it.each(['before', 'after', 'late'] as const)(
    'are all there or all not, and nobody is told the wrong thing, where the connection is cut %s COMMIT',
    async (when) => {
      const proxy = await startPostgresProxy(server.url);
      onTestFinished(proxy.close);
      const store = await open(proxy.url, freshSchema(server.url));
      const commits = numbered(MANY).map((number) =>
        commitOf({ puts: [item(`k${number}`)], events: [event(`e${number}`)] }),
      );
      const cut = proxy.cutNextCommit(when);
      const answers = await Promise.allSettled(commits.map(async (commit) => store.commit(commit)));
      await cut;
      let unknown = 0;
      const there: string[] = [];
      for (const [place, answer] of answers.entries()) {
        const { id } = commits[place]!;
        const version = await store.outcome(id);
        if (answer.status === 'fulfilled') expect(answer.value).toEqual({ ok: true, version });
        else {
          expect((answer.reason as RegistryError).code).toBe('COMMIT_UNKNOWN');
          expect(answer.reason).toBeInstanceOf(RegistryError);
          expect(version === null).toBe(when === 'before');
          unknown += 1;
        }
        expect((await store.get('items', `k${place}`))?.version ?? null).toBe(version);
        if (version !== null) there.push(`e${place}`);
      }
      expect(unknown).toBeGreaterThan(1);
      expect(unknown).toBeLessThan(MANY);
      expect((await store.events(0, 1000)).map(({ id }) => id).toSorted()).toEqual(there.toSorted());
    },
  );
});
