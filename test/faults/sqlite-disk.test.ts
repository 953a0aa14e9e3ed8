import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { COUNTERS } from './sqlite-counters.ts';
import { requireTracing } from './tracing.ts';

const CHILD = join(import.meta.dirname, 'sqlite-child.ts');

const STOPS = { codes: ['COMMIT_UNKNOWN', 'STORE_FAILURE', 'STORE_FAILURE'], health: false };
const GOES_ON = { codes: ['STORE_FULL', 'no error', 'no error'], health: true };

describe('an SQLite store whose disk fails', () => {
  // Each thread's calls are counted apart, and those on the log only.
  it.for<[string, string, typeof STOPS]>([
    ['in an fsync takes no more writes', 'fsync,fdatasync:error=EIO:when=30', STOPS],
    ['in a write takes no more writes', 'pwrite64:error=EIO:when=500', STOPS],
    ['for want of room says so, and goes on when there is room', 'pwrite64:error=ENOSPC:when=500', GOES_ON],
  ])('%s, and has lost nothing that it acknowledged', { timeout: 30_000 }, async ([, fault, expected], context) => {
    await requireTracing(context, 'start');
    const file = join(temporaryFolder(), 'records.db');
    const [calls] = fault.split(':');
    const options = ['--seccomp-bpf', '-f', '-P', `${file}-wal`, '-e', `trace=${calls}`, '-e', `inject=${fault}`];
    const child = [process.execPath, CHILD, 'overfill', file, 'x'];
    const run = await runProgram('strace', [...options, '-o', '/dev/null', ...child]);
    expect([run.code, run.stderr]).toEqual([0, '']);
    const said = JSON.parse(run.stdout);
    expect(said).toMatchObject(expected);
    expect(said.acknowledged).toBeGreaterThan(10);

    const store = openSqliteRecordStore({ file });
    await store.migrate([COUNTERS], () => ({}));
    const count = Number((await store.get('counters', 'shared'))?.value);
    const more = count - said.acknowledged;
    // One was tried again where that may succeed; otherwise the last may have been made without being acknowledged.
    expect([0, 1]).toContain(more);
    if (expected === GOES_ON) expect([more, said.read]).toEqual([1, count]);
    expect(await store.events(0, 10_000)).toHaveLength(count);
    await store.close();
  });
});
