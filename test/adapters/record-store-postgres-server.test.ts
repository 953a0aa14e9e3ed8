import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPostgresRecordStore, type PostgresOptions } from '../../src/adapters/record-store/postgres.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { ITEMS, item, write } from '../conformance/record-fixture.ts';
import { startPostgres } from '../support/postgres.ts';
import { describePostgres, freshSchema, requirePostgres } from '../support/shared-postgres.ts';

async function ask(url: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function open(options: PostgresOptions): RecordStore {
  const store = openPostgresRecordStore(options);
  onTestFinished(async () => store.close());
  return store;
}

const migrate = async (store: RecordStore) => store.migrate([ITEMS], () => ({}));

describePostgres('a PostgreSQL server', (server) => {
  it('is refused with a sentence when it cannot be reached', async () => {
    const store = open({ url: 'postgres://entrepot@127.0.0.1:1/postgres', schema: 'any' });
    await expect(migrate(store)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is refused with a sentence when its database cannot hold all texts', async () => {
    const name = freshSchema(server.url);
    await ask(server.url, `CREATE DATABASE ${name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`);
    onTestFinished(async () => void (await ask(server.url, `DROP DATABASE ${name}`)));
    const url = server.url.replace(/\/postgres$/, `/${name}`);
    await expect(migrate(open({ url, schema: 'any' }))).rejects.toMatchObject({
      code: 'STORE_FAILURE',
      message: 'The database must be encoded in UTF8, and this one is in LATIN1',
    });
  });

  it('is refused when a newer release has been at the tables, which stay as they are', async () => {
    const { url } = server;
    const schema = freshSchema(url);
    await migrate(open({ url, schema }));
    await ask(url, `INSERT INTO ${schema}.engine_migrations VALUES ('9999_later', '2099-01-01T00:00:00Z')`);
    await expect(migrate(open({ url, schema }))).rejects.toMatchObject({
      code: 'STORE_FAILURE',
      message: expect.stringContaining('newer release (it has the migration 9999_later)'),
    });
    expect(await ask(url, `SELECT count(*)::int AS n FROM ${schema}.engine_migrations`)).toEqual([{ n: 3 }]);
  });

  it('gives versions above those there are when the database has moved to a server with lower transaction ids', async () => {
    const { url } = server;
    const schema = freshSchema(url);
    const event = { id: 'e', type: 't', at: '2026-01-01T00:00:00Z', payload: '{}' };
    const before = open({ url, schema });
    await migrate(before);
    await write(before, { puts: [item('a')], events: [event] });
    // As if a server far ahead had written it.
    const far = 5_000_000_000;
    await ask(
      url,
      `UPDATE ${schema}.records SET version = ${far} WHERE key = 'a';
       UPDATE ${schema}.commits SET version = ${far}; UPDATE ${schema}.events SET version = ${far}, position = ${far} * 10000`,
    );
    const after = open({ url, schema });
    await migrate(after);
    expect((await after.events(0, 9)).map(({ id }) => id)).toEqual(['e']);
    const version = await write(after, { puts: [item('a')], events: [{ ...event, id: 'f' }] });
    expect(version).toBeGreaterThan(far);
    expect((await after.events(0, 9)).map(({ id }) => id)).toEqual(['e', 'f']);
    // A third start finds nothing to raise.
    const third = open({ url, schema });
    await migrate(third);
    expect(await write(third, { puts: [item('b')] })).toBeLessThan(version + 1_000_000);
  });

  it('has each store in a schema of its own', async () => {
    const { url } = server;
    const [one, other] = [open({ url, schema: freshSchema(url) }), open({ url, schema: freshSchema(url) })];
    await migrate(one);
    await migrate(other);
    await write(one, { puts: [item('a')] });
    expect(await other.get('items', 'a')).toBeNull();
    expect(() => openPostgresRecordStore({ url, schema: 'Robert"; --' })).toThrow(/cannot name a schema/);
  });

  it('is prepared while tables of others come and go', async () => {
    const { url } = server;
    const others = freshSchema(url);
    await ask(url, `CREATE SCHEMA ${others}`);
    let isOver = false;
    // The same names with other columns, from one statement to the next.
    const columns = (of: string) => Array.from({ length: 20 }, (_, at) => `${of}${at} INT`).join();
    const churn = async (table: string) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      for (let n = 0; !isOver; n++) {
        await client.query(`CREATE TABLE ${table} (${columns(n % 2 === 0 ? 'a' : 'b')})`);
        await client.query(`DROP TABLE ${table}`);
      }
      await client.end();
    };
    const churns = ['a', 'b', 'c', 'd'].map((name) => churn(`${others}.${name}`));
    try {
      for (let n = 0; n < 10; n++) await migrate(open({ url, schema: freshSchema(url) }));
    } finally {
      isOver = true;
      await Promise.all(churns);
    }
  });
});

describe('a PostgreSQL server that speaks TLS', () => {
  it('is believed only with a certificate that the store trusts', { timeout: 60_000 }, async (context) => {
    requirePostgres(context);
    const server = await startPostgres();
    onTestFinished(server.remove);
    const data = join(server.folder, 'data');
    const [cert, key] = [join(data, 'server.crt'), join(data, 'server.key')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const make = ['req', '-new', '-x509', '-days', '2', '-nodes', '-newkey', 'rsa:2048', '-out', cert, '-keyout', key];
    execFileSync('openssl', [...make, ...subject], { stdio: 'ignore' });
    const { uid, gid } = statSync(data);
    for (const file of [cert, key]) chownSync(file, uid, gid);
    chmodSync(key, 0o600);
    await ask(server.url, 'ALTER SYSTEM SET ssl = on');
    await server.stop();
    await server.restart();

    const ca = readFileSync(cert, 'utf8');
    const trusting = open({ url: server.url, schema: 'tls', tls: { ca } });
    await migrate(trusting);
    await write(trusting, { puts: [item('a')] });
    const [row] = await ask(
      server.url,
      `SELECT bool_and(ssl) AS all FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'entrepot'`,
    );
    expect(row).toEqual({ all: true });
    await expect(migrate(open({ url: server.url, schema: 'tls', tls: {} }))).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringMatching(/self.signed certificate/),
    });
    await migrate(open({ url: server.url, schema: 'tls', tls: { rejectUnauthorized: false } }));
  });
});
