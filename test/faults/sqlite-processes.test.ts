import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { COUNTERS } from './sqlite-counters.ts';

const CHILD = join(import.meta.dirname, 'sqlite-child.ts');

async function reopen(file: string): Promise<RecordStore> {
  const store = openSqliteRecordStore({ file });
  await store.migrate([COUNTERS], () => ({}));
  return store;
}

const counted = async (store: RecordStore) => Number((await store.get('counters', 'shared'))?.value ?? 0);

describe('an SQLite file', () => {
  it('is written by two processes at once: no increment is lost, the log is whole', async () => {
    const file = join(temporaryFolder(), 'records.db');
    const runs = await Promise.all(
      ['a', 'b'].map((name) => runProgram(process.execPath, [CHILD, 'count', file, name])),
    );
    for (const { code, stderr } of runs) expect([code, stderr]).toEqual([0, '']);
    const store = await reopen(file);
    expect(await counted(store)).toBe(400);
    const events = await store.events(0, 1000);
    expect(events.map(({ payload }) => Number(payload))).toEqual(Array.from({ length: 400 }, (_, step) => step + 1));
    for (const name of ['a', 'b']) {
      const own = events.filter(({ id }) => id.startsWith(name)).map(({ id }) => id);
      expect(own).toEqual(Array.from({ length: 200 }, (_, step) => `${name}-${step}`));
    }
    expect(events.map(({ version }) => version)).toEqual(
      events.map(({ version }) => version).toSorted((x, y) => x - y),
    );
    expect(await store.sequence()).toBe(400);
    await store.close();
  });

  it('takes no more writes after the file system failed in a commit, and is right when it is opened again', async () => {
    const file = join(temporaryFolder(), 'records.db');
    // The signal that the limit raises is ignored, so that the write fails instead (EFBIG).
    const script = `trap '' XFSZ; ulimit -f 2000; exec "$0" "$@"`;
    const run = await runProgram('bash', ['-c', script, process.execPath, CHILD, 'overfill', file, 'x']);
    expect([run.code, run.stderr]).toEqual([0, '']);
    const said = JSON.parse(run.stdout);
    expect(said).toMatchObject({ codes: ['COMMIT_UNKNOWN', 'STORE_FAILURE', 'STORE_FAILURE'], health: false });
    expect(said.acknowledged).toBeGreaterThan(10);
    expect(said.read).toBe(said.acknowledged);
    const store = await reopen(file);
    const count = await counted(store);
    expect(count - said.acknowledged).toBeGreaterThanOrEqual(0);
    expect(count - said.acknowledged).toBeLessThanOrEqual(1);
    expect(await store.events(0, 10_000)).toHaveLength(count);
    await store.close();
  });
});
