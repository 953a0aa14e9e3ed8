import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { type GuardedRecordStore, guardRecordStore } from '../../src/adapters/guards/record-store.ts';
import { openPostgresRecordStore } from '../../src/adapters/record-store/postgres.ts';
import { commitOf, ITEMS, item, PLAIN } from '../conformance/record-fixture.ts';
import { type Cut, type PostgresProxy, startPostgresProxy } from '../support/postgres-proxy.ts';
import { describePostgres, freshSchema } from '../support/shared-postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FAULT_ROUNDS, FAULT_SEED } from './fault-plan.ts';
import { readLedger } from './ledger.ts';
import { createRandom } from './random.ts';
import { auditRecords } from './record-audit.ts';
import { startRecordLoad } from './record-load.ts';
import { PAIRS } from './record-pairs.ts';
import { startRecordProcess } from './record-process.ts';
import { openStoreAt } from './store-place.ts';

const CUTS = ['before', 'after', 'late'] as const;

describePostgres('a connection to PostgreSQL that is cut', (server) => {
  async function openProxy(): Promise<{ readonly proxy: PostgresProxy; readonly schema: string }> {
    const schema = freshSchema(server.url);
    const proxy = await startPostgresProxy(server.url);
    onTestFinished(proxy.close);
    return { proxy, schema };
  }

  async function open(url: string, schema: string): Promise<GuardedRecordStore> {
    const store = guardRecordStore(openPostgresRecordStore({ url, schema }));
    onTestFinished(() => store.close());
    await store.migrate([ITEMS, PLAIN], () => ({}));
    return store;
  }

  const event = { id: 'e', type: 't', at: '2026-01-01T00:00:00Z', payload: '{}' };

  it.each<[Cut, 'is not' | 'is']>([
    ['before', 'is not'],
    ['after', 'is'],
    ['late', 'is'],
  ])(
    '%s COMMIT: nobody knows what became of it until somebody asks, and then it %s there for good',
    async (when, there) => {
      const { proxy, schema } = await openProxy();
      const store = await open(proxy.url, schema);
      const commit = commitOf({ id: 'cut', puts: [item('a')], events: [event] });
      const cut = proxy.cutNextCommit(when);
      await expect(store.commit(commit)).rejects.toMatchObject({ code: 'COMMIT_UNKNOWN' });
      // Asked at once, while a late one is still on its way.
      const version = await store.outcome('cut');
      expect(version === null).toBe(there === 'is not');
      await cut;
      expect(await store.outcome('cut')).toBe(version);
      expect((await store.get('items', 'a'))?.version ?? null).toBe(version);
      expect(await store.events(0, 10)).toHaveLength(version === null ? 0 : 1);

      if (version !== null) expect(await store.commit(commit)).toEqual({ ok: true, version });
      else await expect(store.commit(commit)).rejects.toMatchObject({ code: 'STORE_FAILURE' });
      const again = await store.commit({ ...commit, id: 'again', events: [{ ...event, id: 'f' }] });
      expect(again.ok).toBe(true);
      expect((await store.events(0, 10)).map(({ id }) => id)).toEqual(version === null ? ['f'] : ['e', 'f']);
    },
  );

  it('without anybody being told is given up after a while', { timeout: 60_000 }, async () => {
    const { proxy, schema } = await openProxy();
    const store = await open(proxy.url, schema);
    const cut = proxy.cutNextCommit('silent');
    const startedAt = performance.now();
    await expect(store.commit(commitOf({ id: 'cut', puts: [item('a')] }))).rejects.toMatchObject({
      code: 'COMMIT_UNKNOWN',
    });
    console.log(`Given up after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    await cut;
    expect(await store.outcome('cut')).toBe((await store.get('items', 'a'))?.version);
  });

  it('in a commit before its COMMIT is made up for without anybody hearing of it', async () => {
    const { proxy, schema } = await openProxy();
    const store = await open(proxy.url, schema);
    const other = new Client({ connectionString: server.url });
    await other.connect();
    onTestFinished(() => other.end());
    // Somebody else makes it wait in the middle.
    await other.query(`BEGIN; LOCK TABLE ${schema}.records IN SHARE MODE`);
    const writing = store.commit(commitOf({ puts: [item('a')], events: [event] }));
    const waiting = `SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation = '${schema}.records'::regclass`;
    await expect.poll(async () => (await other.query(waiting)).rows).toEqual([{ count: 1 }]);
    proxy.cutAll();
    await other.query('COMMIT');
    expect(await writing).toMatchObject({ ok: true });
    expect(await store.events(0, 10)).toHaveLength(1);
  });

  it('while nobody uses it is not noticed', async () => {
    const { proxy, schema } = await openProxy();
    const store = await open(proxy.url, schema);
    await Promise.all(
      Array.from({ length: 10 }, (_, number) => store.commit(commitOf({ puts: [item(`k${number}`)] }))),
    );
    proxy.cutAll();
    expect(await store.get('items', 'k1')).not.toBeNull();
    proxy.cutAll();
    expect(await store.commit(commitOf({ puts: [item('a')] }))).toMatchObject({ ok: true });
  });

  it('again and again under load loses no write and does none twice', {
    timeout: 30_000 + FAULT_ROUNDS * 10_000,
  }, async () => {
    console.log(`FAULT_SEED=${FAULT_SEED}`);
    const random = createRandom(FAULT_SEED);
    const { proxy, schema } = await openProxy();
    const ledger = join(temporaryFolder(), 'ledger');
    const servers = [1, 2].map(() => startRecordProcess({ kind: 'postgres', url: proxy.url, schema }));
    onTestFinished(async () => void (await Promise.all(servers.map((one) => one.kill()))));
    const serverOf = (client: number) => servers[client % servers.length]!;
    const load = startRecordLoad({ clients: 8, ledger, name: 'cut', random, serverOf });
    await Promise.all(servers.map((one) => one.ready));
    for (let round = 0; round < FAULT_ROUNDS * 10; round++) {
      const when = CUTS[random(0, CUTS.length)];
      if (random(0, 4) > 0 && when !== undefined) await proxy.cutNextCommit(when);
      else proxy.cutAll();
      await sleep(random(0, 20));
    }
    await load.stop();
    const store = openStoreAt({ kind: 'postgres', url: server.url, schema });
    onTestFinished(() => store.close());
    await store.migrate(PAIRS, () => ({}));
    const report = await auditRecords(store, readLedger(ledger));
    expect(report.faults).toEqual([]);
    console.log(`${report.present} there, ${report.absent} absent;`, load.answers);
    // Whoever was at a commit was told what became of it; others may have been told that it cannot be reached.
    const { written = 0, STORE_UNREACHABLE: failed = 0, ...others } = Object.fromEntries(load.answers);
    expect(others).toEqual({});
    expect(report).toMatchObject({ present: written, absent: failed });
    expect(failed).toBeLessThan(written / 5);
  });
});
