import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import type { StoredEvent } from '../../src/ports/record-store.ts';
import { startPostgres } from '../support/postgres.ts';
import { requirePostgres } from '../support/shared-postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FAULT_KILLS, FAULT_SEED } from './fault-plan.ts';
import { readLedger } from './ledger.ts';
import { createRandom } from './random.ts';
import { auditRecords, type RecordReport } from './record-audit.ts';
import { startRecordLoad } from './record-load.ts';
import { PAIRS } from './record-pairs.ts';
import { startRecordProcess } from './record-process.ts';
import { openStoreAt, type StorePlace } from './store-place.ts';

/** A place whose servers are killed. */
interface KillPlace {
  readonly store: StorePlace;
  /** How many share it. */
  readonly servers: number;
  readonly kills: number;
  /** Kills what all servers stand on, and brings it back; null where there is no such thing. */
  readonly killDatabase: (() => Promise<void>) | null;
  /** What a request may come to. */
  readonly codes: readonly string[];
}

const CLIENTS = 8;
/** Between two looks at what there is. */
const KILLS_AT_ONCE = 5;
/** The first ones come while the tables are made. */
const EARLY_KILLS = 5;
/** A process takes about that long to start. */
const EARLY_MS = 500;
const LATE_MS = 200;

const sqlite = (servers: number) => async (): Promise<KillPlace> => ({
  store: { kind: 'sqlite', file: join(temporaryFolder(), 'records.sqlite') },
  servers,
  kills: FAULT_KILLS / 2,
  killDatabase: null,
  codes: ['written', 'gone'],
});

const PLACES: Readonly<Record<string, (context: TestContext) => Promise<KillPlace>>> = {
  'one server on SQLite': sqlite(1),
  'two servers on SQLite': sqlite(2),
  'two servers on PostgreSQL': async (context) => {
    requirePostgres(context);
    const postgres = await startPostgres();
    onTestFinished(postgres.remove);
    return {
      store: { kind: 'postgres', url: postgres.url, schema: 'killed' },
      servers: 2,
      kills: FAULT_KILLS,
      killDatabase: () => postgres.kill().then(postgres.restart),
      codes: ['written', 'gone', 'STORE_UNREACHABLE', 'COMMIT_UNKNOWN'],
    };
  },
};

async function look(place: KillPlace, ledger: string, before: readonly StoredEvent[]): Promise<RecordReport> {
  const store = openStoreAt(place.store);
  await store.migrate(PAIRS, () => ({}));
  try {
    return await auditRecords(store, readLedger(ledger), before);
  } finally {
    await store.close();
  }
}

describe.for(Object.entries(PLACES))('%s', ([name, open]) => {
  it('lose nothing and leave nothing by halves when they are killed at random', {
    timeout: 60_000 + FAULT_KILLS * 3000,
  }, async (context) => {
    console.log(`FAULT_SEED=${FAULT_SEED}`);
    const random = createRandom(FAULT_SEED);
    const place = await open(context);
    const ledger = join(temporaryFolder(), 'ledger');
    const start = () => startRecordProcess(place.store);
    const servers = Array.from({ length: place.servers }, start);
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.kill()))));
    const allReady = () => Promise.all(servers.map((server) => server.ready));

    async function killSome(kills: number): Promise<void> {
      const isEarly = kills < EARLY_KILLS || random(0, 5) === 0;
      if (!isEarly) await allReady();
      await sleep(random(0, isEarly ? EARLY_MS : LATE_MS));
      const choice = random(0, 10);
      if (choice < 2 && place.killDatabase !== null) {
        await allReady();
        await place.killDatabase();
        return;
      }
      const one = random(0, servers.length);
      for (const [at, server] of servers.entries()) {
        if (at !== one && choice < 7) continue;
        await server.kill();
        servers[at] = start();
      }
    }

    let events: readonly StoredEvent[] = [];
    for (let kills = 0; kills < place.kills; ) {
      const load = startRecordLoad({
        clients: CLIENTS,
        ledger,
        name: `after-${kills}`,
        random,
        serverOf: (client) => servers[client % servers.length]!,
      });
      for (let count = 0; count < KILLS_AT_ONCE; count++, kills++) await killSome(kills);
      await allReady();
      await sleep(LATE_MS);
      await load.stop();
      const report = await look(place, ledger, events);
      expect(report.faults).toEqual([]);
      expect(report.events.length).toBeGreaterThan(events.length);
      events = report.events;
      console.log(`${name}: ${kills} kills, ${report.present} there, ${report.absent} absent;`, load.answers);
      expect(place.codes).toEqual(expect.arrayContaining([...load.answers.keys()]));
    }
  });
});
