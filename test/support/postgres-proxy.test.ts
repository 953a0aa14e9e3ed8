import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { type PostgresProxy, startPostgresProxy } from './postgres-proxy.ts';
import { describePostgres, freshSchema } from './shared-postgres.ts';

async function connect(url: string, options: object = {}): Promise<Client> {
  const client = new Client({ connectionString: url, ...options });
  // Tests cut connections, of which idle clients hear.
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** The types of `pg` do not know these options of its. */
const UNNAMED = { text: 'COMMIT', queryMode: 'extended' };
const PIPELINE = { pipeline: true };

describePostgres('a proxy in front of PostgreSQL', (server) => {
  async function open(): Promise<{
    proxy: PostgresProxy;
    client: Client;
    table: string;
    values: () => Promise<number[]>;
  }> {
    const proxy = await startPostgresProxy(server.url);
    onTestFinished(proxy.close);
    const schema = freshSchema(server.url);
    const table = `${schema}.things`;
    const direct = await connect(server.url);
    await direct.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${table} (value int)`);
    const values = async () => (await direct.query(`SELECT value FROM ${table}`)).rows.map(({ value }) => value);
    return { proxy, client: await connect(proxy.url), table, values };
  }

  it('passes what it is not told about, large things too', async () => {
    const { client, proxy } = await open();
    const text = 'x'.repeat(3_000_000);
    const { rows } = await client.query('SELECT $1::text || $1::text AS twice', [text]);
    expect(rows[0].twice.length).toBe(6_000_000);
    expect(proxy.connections()).toBe(1);
  });

  it('cuts all connections, and takes new ones', async () => {
    const { client, proxy } = await open();
    const sleeping = client.query('SELECT pg_sleep(10)').catch((error: Error) => error);
    await new Promise((resolve) => setTimeout(resolve, 50));
    proxy.cutAll();
    expect(await sleeping).toMatchObject({ code: 'ECONNRESET' });
    await expect.poll(() => proxy.connections()).toBe(0);
    const again = await connect(proxy.url);
    expect((await again.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('refuses new connections until it takes them again, and leaves those that there are', async () => {
    const { client, proxy } = await open();
    await proxy.refuse();
    await expect(connect(proxy.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await client.query('SELECT 1');
    await proxy.accept();
    await connect(proxy.url);
  });

  it.each(['to-server', 'to-client'] as const)('holds what goes %s, of new connections too', async (direction) => {
    const { client, proxy, table, values } = await open();
    proxy.hold(direction);
    let answers = 0;
    const counted = () => {
      answers += 1;
    };
    const inserted = client.query(`INSERT INTO ${table} VALUES (1)`).then(counted);
    const connected = connect(proxy.url).then(counted);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([answers, await values()]).toEqual([0, direction === 'to-server' ? [] : [1]]);
    proxy.release(direction);
    await Promise.all([inserted, connected]);
    expect([answers, await values()]).toEqual([2, [1]]);
  });

  const ways: Record<string, (client: Client) => Promise<unknown>> = {
    'a query': (client) => client.query('COMMIT'),
    'the last of several statements': (client) => client.query('SELECT 1; commit;'),
    'an unnamed statement': (client) => client.query(UNNAMED),
    'a prepared statement': (client) => client.query({ name: 'end', text: 'COMMIT' }),
  };
  const cases = Object.keys(ways).flatMap((way) =>
    (['before', 'after', 'late'] as const).map((when) => [when, way] as const),
  );

  it.each(cases)('cuts %s a COMMIT that is %s', async (when, way) => {
    const { client, proxy, table, values } = await open();
    const commit = ways[way]!;
    // One that passes, so that a statement is known already the second time.
    for (const value of [1, 2]) {
      await client.query('BEGIN');
      await client.query(`INSERT INTO ${table} VALUES (${value})`);
      if (value === 1) await commit(client);
    }
    const cut = proxy.cutNextCommit(when);
    await expect(commit(client)).rejects.toThrow(/ECONNRESET|terminated/);
    const heard = await values();
    await cut;
    expect([heard, await values()]).toEqual(
      {
        before: [[1], [1]],
        after: [
          [1, 2],
          [1, 2],
        ],
        late: [[1], [1, 2]],
      }[when],
    );
    await expect.poll(() => proxy.connections()).toBe(0);
  });

  it('lets a client hear nothing any more of what the server has done', async () => {
    const { client, proxy, table, values } = await open();
    await client.query(`BEGIN; INSERT INTO ${table} VALUES (1)`);
    const cut = proxy.cutNextCommit('silent');
    let answers = 0;
    const heard = () => {
      answers += 1;
    };
    const committing = client.query('COMMIT').then(heard, heard);
    await cut;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([answers, proxy.connections(), await values()]).toEqual([0, 1, [1]]);
    proxy.cutAll();
    await committing;
  });

  it('cuts one of several that commit at once', async () => {
    const { proxy, table, values } = await open();
    const clients = await Promise.all([1, 2, 3, 4].map(() => connect(proxy.url)));
    const cut = proxy.cutNextCommit('before');
    const results = await Promise.allSettled(
      clients.map(async (client, value) => {
        await client.query(`BEGIN; INSERT INTO ${table} VALUES (${value})`);
        await client.query('COMMIT');
      }),
    );
    await cut;
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(await values()).toHaveLength(3);
  });

  it.each(['before', 'after', 'late'] as const)('cuts %s a COMMIT that is sent with all before it', async (when) => {
    const { proxy, table, values } = await open();
    const client = await connect(proxy.url, PIPELINE);
    const cut = proxy.cutNextCommit(when);
    const texts = ['BEGIN', `INSERT INTO ${table} VALUES (1)`, { name: 'end', text: 'COMMIT' }, 'SELECT 1'];
    const results = await Promise.allSettled(texts.map((text) => client.query(text)));
    await cut;
    expect(results.slice(2).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await values()).toEqual(when === 'before' ? [] : [1]);
  });
});
