import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { freePort } from '../support/free-port.ts';
import { type PostgresProxy, startPostgresProxy } from '../support/postgres-proxy.ts';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { runProgram } from '../support/run-program.ts';
import { type ServerProcess, type ServerProcessOptions, startServerProcess } from '../support/server-process.ts';
import { describePostgres, freshSchema } from '../support/shared-postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FAULT_ROUNDS, FAULT_SEED } from './fault-plan.ts';
import { inspectData } from './inspect-data.ts';
import { readLedger } from './ledger.ts';
import { publishAll } from './publishing.ts';
import { createRandom } from './random.ts';
import { digestOfText } from './record-pairs.ts';

const ENV = { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD };
const CUTS = ['before', 'after', 'late'] as const;
/** A request is answered by then, whatever became of the database. */
const PATIENCE_MS = 10_000;

describe('a server whose PostgreSQL is not there when it starts', () => {
  it('says so, without the password, and ends', async () => {
    const store = `postgres://entrepot:a-secret@127.0.0.1:${await freePort()}/postgres`;
    const args = ['serve', '--port', '0', '--data', temporaryFolder()];
    const { code, stdout, stderr } = await runProgram(join(ROOT, 'bin/entrepot'), args, {
      env: { ...process.env, ...ENV, ENTREPOT_STORE: store },
    });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^STORE_UNREACHABLE: The database cannot be reached: connect ECONNREFUSED .*\n$/);
    expect(stderr).not.toContain('a-secret');
  });
});

describePostgres('a server whose PostgreSQL', (postgres) => {
  interface Place {
    readonly proxy: PostgresProxy;
    readonly folder: string;
    readonly data: string;
    /** For this process, not through the proxy. */
    readonly store: string;
    readonly ledger: string;
    start(options?: Pick<ServerProcessOptions, 'args' | 'onComplaint'>): Promise<ServerProcess>;
  }

  async function open(): Promise<Place> {
    const schema = freshSchema(postgres.url);
    const proxy = await startPostgresProxy(postgres.url);
    onTestFinished(proxy.close);
    const folder = temporaryFolder();
    const data = join(folder, 'data');
    return {
      proxy,
      folder,
      data,
      store: `${postgres.url}?schema=${schema}`,
      ledger: join(folder, 'ledger'),
      async start(options = {}) {
        const env = { ...ENV, ENTREPOT_STORE: `${proxy.url}?schema=${schema}` };
        const server = await startServerProcess({ data, env, ...options });
        onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
        return server;
      },
    };
  }

  async function ask(server: ServerProcess, method: string, path: string, body?: string) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(server.url + path, { method, headers: ADMIN, signal, ...(body ? { body } : {}) });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, text, json: isJson ? JSON.parse(text) : null };
  }

  const blobAt = (name: string) => `/v1/weather/${name}/1.0.0/any/blob`;

  it('comes while the server waits for it, is served from then on', async () => {
    const { proxy, start } = await open();
    await proxy.refuse();
    let said = '';
    const onComplaint = (text: string) => {
      if (said === '') void proxy.accept();
      said += text;
    };
    const server = await start({ args: ['--wait', '30'], onComplaint });
    expect(said).toMatch(/^The database cannot be reached: .*Trying again\n/);
    expect(await ask(server, 'GET', '/ready')).toMatchObject({ status: 200 });
    await server.stop();
  });

  it('goes away, answers 503 and says what is missing; when it is back, all is well without a restart', {
    timeout: 60_000,
  }, async () => {
    const { proxy, data, store, start } = await open();
    const server = await start();
    expect(await ask(server, 'PUT', blobAt('first'), 'first')).toMatchObject({ status: 201 });
    expect(await ask(server, 'GET', blobAt('first'))).toMatchObject({ status: 200, text: 'first' });

    for (let round = 0; round < 2; round++) {
      await proxy.refuse();
      proxy.cutAll();
      const unreachable = { status: 503, json: { error: { code: 'STORE_UNREACHABLE' } } };
      expect(await ask(server, 'GET', blobAt('first'))).toMatchObject(unreachable);
      expect(await ask(server, 'PUT', blobAt(`lost-${round}`), 'lost')).toMatchObject(unreachable);
      expect(await ask(server, 'GET', '/v1/weather/first/versions')).toMatchObject(unreachable);
      expect(await ask(server, 'GET', '/ready')).toMatchObject({
        status: 503,
        json: { ok: false, parts: { meta: { ok: false }, primary: { ok: true } } },
      });
      expect(await ask(server, 'GET', '/health')).toMatchObject({ status: 200 });

      await proxy.accept();
      expect(await ask(server, 'GET', '/ready')).toMatchObject({ status: 200, json: { ok: true } });
      expect(await ask(server, 'GET', blobAt('first'))).toMatchObject({ status: 200, text: 'first' });
      expect(await ask(server, 'GET', blobAt(`lost-${round}`))).toMatchObject({ status: 404 });
      expect(await ask(server, 'PUT', blobAt(`later-${round}`), 'later')).toMatchObject({ status: 201 });
    }
    await server.stop();
    const { artifacts, faults } = await inspectData(data, store);
    expect(faults).toEqual([]);
    expect([...artifacts.keys()].sort()).toEqual(['first', 'later-0', 'later-1'].map(blobAt).sort());
  });

  it.each(CUTS)('is cut off %s a COMMIT has every write once, and nobody is told anything else', async (when) => {
    const { proxy, data, store, start } = await open();
    const server = await start();
    expect(await ask(server, 'PUT', blobAt('first'), 'first')).toMatchObject({ status: 201 });
    const cut = proxy.cutNextCommit(when);
    expect(await ask(server, 'PUT', blobAt('cut'), 'cut')).toMatchObject({ status: 201 });
    await cut;
    expect(await ask(server, 'PUT', blobAt('cut'), 'other')).toMatchObject({ status: 409 });
    expect(await ask(server, 'GET', blobAt('cut'))).toMatchObject({ status: 200, text: 'cut' });
    await server.stop();
    const { artifacts, faults } = await inspectData(data, store);
    expect(faults).toEqual([]);
    expect(Object.fromEntries(artifacts)).toEqual({
      [blobAt('first')]: digestOfText('first'),
      [blobAt('cut')]: digestOfText('cut'),
    });
  });

  it('is cut off again and again while clients publish has every write once', {
    timeout: 60_000 + FAULT_ROUNDS * 10_000,
  }, async () => {
    console.log(`FAULT_SEED=${FAULT_SEED}`);
    const random = createRandom(FAULT_SEED);
    const place = await open();
    const server = await place.start();
    const file = join(place.folder, 'content');
    writeFileSync(file, randomBytes(5000));
    const uploads = Array.from({ length: FAULT_ROUNDS * 20 }, (_, number) => ({
      file,
      target: `/v1/weather/thing-${number % 5}/1.0.${number}/any/blob`,
      mark: String(number),
    }));
    let isDone = false;
    const published = publishAll(server, uploads, place).finally(() => {
      isDone = true;
    });
    let cuts = 0;
    for (; !isDone; cuts++) {
      const cut = place.proxy.cutNextCommit(CUTS[random(0, CUTS.length)] ?? 'before');
      await Promise.race([cut, published]);
    }
    const answers = await published;
    console.log(`${cuts} cuts, ${uploads.length} publishes`, answers);
    expect(answers).toEqual(new Map([['201', uploads.length]]));
    expect(cuts).toBeGreaterThan(5);
    await server.stop();
    const { artifacts, faults } = await inspectData(place.data, place.store);
    expect(faults).toEqual([]);
    const expected = [...readLedger(place.ledger)].map(([target, { digest }]) => [target, digest] as const);
    expect(artifacts).toEqual(new Map(expected));
  });
});
