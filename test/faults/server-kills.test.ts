import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, type TestContext } from 'vitest';
import { startPostgres } from '../support/postgres.ts';
import { ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { requirePostgres } from '../support/shared-postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FAULT_ROUNDS, FAULT_SEED } from './fault-plan.ts';
import { readLedger } from './ledger.ts';
import type { Upload } from './publish-client.ts';
import { expectWhole, type PublishPlace, publishAll } from './publishing.ts';
import { createRandom } from './random.ts';

/** What servers that share all they have stand on. */
interface SharedPlace extends PublishPlace {
  readonly rounds: number;
  /** Kills what all servers stand on, and brings it back; null where there is no such thing. */
  readonly killDatabase: (() => Promise<void>) | null;
}

const SERVERS = 2;
/** For each server in each round. */
const UPLOADS = 60;
const MOST_BYTES = 300_000;

const PLACES: Readonly<Record<string, (context: TestContext) => Promise<SharedPlace>>> = {
  'one SQLite file': async () => {
    const folder = temporaryFolder();
    const [data, ledger] = [join(folder, 'data'), join(folder, 'ledger')];
    return { folder, data, ledger, rounds: Math.ceil(FAULT_ROUNDS / 3), killDatabase: null };
  },
  'one PostgreSQL server': async (context) => {
    requirePostgres(context);
    const folder = temporaryFolder();
    const postgres = await startPostgres();
    onTestFinished(postgres.remove);
    return {
      folder,
      data: join(folder, 'data'),
      ledger: join(folder, 'ledger'),
      store: `${postgres.url}?schema=killed`,
      // The third one is the database's.
      rounds: Math.ceil(FAULT_ROUNDS / 2),
      killDatabase: () => postgres.kill().then(postgres.restart),
    };
  },
};

/** Two lists, some of whose uploads have the same content, so that both servers get it at about the same time. */
function uploadsOf(round: number, folder: string, bytes: number): readonly (readonly Upload[])[] {
  const file = join(folder, 'content');
  writeFileSync(file, randomBytes(bytes));
  return Array.from({ length: SERVERS }, (_, server) =>
    Array.from({ length: UPLOADS }, (_, number) => ({
      file,
      target: `/v1/killed/thing-${number % 7}/${round}.${server}.${number}/any/blob`,
      mark: number % 5 === 0 ? `${round} ${number}` : `${round} ${number} ${server}`,
    })),
  );
}

const start = async ({ data, store }: SharedPlace): Promise<ServerProcess> => {
  const env = { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD, ENTREPOT_STORE: store ?? '' };
  const server = await startServerProcess({ data, env });
  onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
  return server;
};

/**
 * Shows that a server whose database was away for a while is well again, and gives another one in its place: what no record came to name
 * is swept when a server starts, or else once a minute.
 */
async function replaceRecovered(server: ServerProcess, uploads: readonly Upload[], place: SharedPlace) {
  const ledger = readLedger(place.ledger);
  const left = uploads.filter(({ target }) => !ledger.get(target)?.acknowledged).slice(0, 5);
  const answers = await publishAll(server, left, place);
  expect(['201', '409']).toEqual(expect.arrayContaining([...answers.keys()]));
  await server.stop();
  return start(place);
}

it.for(Object.entries(PLACES))(
  'two servers on %s lose nothing when one is killed and the other goes on',
  {
    timeout: 60_000 + FAULT_ROUNDS * 30_000,
  },
  async ([name, open], context) => {
    console.log(`FAULT_SEED=${FAULT_SEED} FAULT_ROUNDS=${FAULT_ROUNDS}`);
    const random = createRandom(FAULT_SEED);
    const place = await open(context);
    const servers = await Promise.all(Array.from({ length: SERVERS }, () => start(place)));
    for (let round = 1; round <= place.rounds; round++) {
      const lists = uploadsOf(round, place.folder, random(1, MOST_BYTES));
      const victim = place.killDatabase !== null && round % 3 === 0 ? null : random(0, SERVERS);
      const [killAfter, delayMs] = [random(1, UPLOADS - 10), random(0, 12)];
      const kill = async (server: ServerProcess) => {
        await sleep(delayMs);
        if (victim === null) await place.killDatabase?.();
        else await server.kill('SIGKILL');
      };
      let killed: Promise<void> | null = null;
      const answers = await Promise.all(
        servers.map((server, at) =>
          publishAll(server, lists[at] ?? [], place, (count) => {
            if (at === (victim ?? 0) && count >= killAfter) killed ??= kill(server);
          }),
        ),
      );
      await killed;
      // The other one does not even notice.
      if (victim !== null) expect(answers[1 - victim]).toEqual(new Map([['201', UPLOADS]]));
      for (const [at, server] of servers.entries()) {
        if (victim === null) servers[at] = await replaceRecovered(server, lists[at] ?? [], place);
        else if (at === victim) servers[at] = await start(place);
      }
      const absent = await expectWhole(servers[random(0, SERVERS)]!, place);
      const all = readLedger(place.ledger).size;
      const what = `killed ${victim === null ? 'the database' : `server ${victim}`}`;
      console.log(`${name}, round ${round}: ${what}; ${all} meant, ${absent.length} absent`, answers);
    }
    for (const server of servers) await server.stop();
  },
);
