import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPostgres } from './postgres.ts';
import { childrenOf } from './process-tree.ts';
import { describePostgres, freshSchema, makeSchema, requirePostgres } from './shared-postgres.ts';

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  // Tests kill servers, of which idle clients hear.
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

describe('a PostgreSQL server of a test', () => {
  it('has after kill -9 what it had, and is the same after a stop', { timeout: 60_000 }, async (context) => {
    requirePostgres(context);
    const server = await startPostgres({ settings: { max_connections: 20 } });
    onTestFinished(server.remove);
    const client = await connect(server.url);
    const { rows } = await client.query(`SELECT name, setting FROM pg_settings
      WHERE name IN ('fsync', 'server_encoding', 'max_connections', 'lc_collate', 'synchronous_commit')`);
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: 'on',
      server_encoding: 'UTF8',
      max_connections: '20',
      lc_collate: 'C',
      synchronous_commit: 'on',
    });
    await client.query('CREATE TABLE kept (value int)');
    await client.query('INSERT INTO kept VALUES (1)');
    await client.query('BEGIN');
    await client.query('INSERT INTO kept VALUES (2)');

    const { pid } = server;
    const children = childrenOf(pid);
    // At least: the checkpointer, the writers, this test's own.
    expect(children.length).toBeGreaterThan(3);
    await server.kill();
    expect(childrenOf(pid)).toEqual([]);
    await expect(client.query('COMMIT')).rejects.toThrow();
    await expect(connect(server.url)).rejects.toThrow(/ECONNREFUSED/);
    await server.restart();
    expect(server.pid).not.toBe(pid);
    const again = await connect(server.url);
    expect((await again.query('SELECT value FROM kept')).rows).toEqual([{ value: 1 }]);

    await server.stop();
    await server.stop();
    await server.restart();
    const last = await connect(server.url);
    expect((await last.query('SELECT value FROM kept')).rows).toEqual([{ value: 1 }]);
  });

  it('says why it does not start', async (context) => {
    requirePostgres(context);
    await expect(startPostgres({ settings: { no_such_setting: 1 } })).rejects.toThrow(
      /ended with 1: .*no_such_setting/s,
    );
  });
});

describePostgres('the shared PostgreSQL server', (server) => {
  let used = '';

  it('gives each test a schema of its own', async () => {
    used = freshSchema(server.url);
    expect(freshSchema(server.url)).not.toBe(used);
    const client = await connect(server.url);
    await client.query(`CREATE SCHEMA ${used}`);
    await client.query(`CREATE TABLE ${used}.things (value int)`);
  });

  it('has no schema any more of a test that has ended', async () => {
    const client = await connect(server.url);
    const { rows } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [used]);
    expect(rows).toEqual([]);
    await makeSchema(server.url).remove();
  });
});
