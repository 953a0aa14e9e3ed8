import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { CommitLoadReport } from './commit-load.ts';
import type { StorePlace } from './store-place.ts';
import { parseTrace, STRACE_OPTIONS, type SystemCall } from './system-calls.ts';
import { requireTracing } from './tracing.ts';

const WRITERS = 64;
const LOAD = join(import.meta.dirname, 'commit-load.ts');

interface TracedLoad extends CommitLoadReport {
  /** Of the database and its log. */
  readonly syncs: readonly SystemCall[];
}

/** Runs commits on a new SQLite file in a process of its own; each fsync takes `syncMs` longer than it would. */
async function load(writers: number, commits: number, syncMs = 0): Promise<TracedLoad> {
  const folder = temporaryFolder();
  const output = join(folder, 'trace');
  const place: StorePlace = { kind: 'sqlite', file: join(folder, 'records.sqlite') };
  const calls = ['-e', 'trace=fsync,fdatasync'];
  const delay = syncMs === 0 ? [] : ['-e', `inject=fsync,fdatasync:delay_exit=${syncMs * 1000}`];
  const options = ['--seccomp-bpf', ...STRACE_OPTIONS, ...calls, ...delay, '-o', output];
  const child = [process.execPath, LOAD, JSON.stringify(place), String(writers), String(commits)];
  const { code, stdout, stderr } = await runProgram('strace', [...options, ...child]);
  expect([code, stderr]).toEqual([0, '']);
  const report: CommitLoadReport = JSON.parse(stdout);
  const traced = parseTrace(await readFile(output, 'utf8'));
  return { ...report, syncs: traced.filter(({ path }) => path?.startsWith(place.file)) };
}

describe('commits of documents on SQLite', () => {
  it(`share an fsync, eight at least, when ${WRITERS} write at once`, { timeout: 60_000 }, async (context) => {
    await requireTracing(context, 'start');
    const commits = 2048;
    const { syncs, seconds } = await load(WRITERS, commits);
    console.log(`${commits} commits of ${WRITERS} writers: ${syncs.length} fsyncs, ${seconds.toFixed(2)} s`);
    expect(syncs.length).toBeGreaterThan(commits / WRITERS);
    // Those that came before the first commit are among them.
    expect(syncs.length).toBeLessThanOrEqual(commits / 8);
  });

  it(`are four times as many, at least, from ${WRITERS} writers as from one, where an fsync takes 2 ms`, {
    timeout: 60_000,
  }, async (context) => {
    await requireTracing(context, 'start');
    const speed = async (writers: number, commits: number) => {
      const { seconds, syncs } = await load(writers, commits, 2);
      console.log(
        `${writers} writers: ${(commits / seconds).toFixed(0)} commits per second, ${syncs.length} fsyncs for ${commits}`,
      );
      return commits / seconds;
    };
    const one = await speed(1, 300);
    const many = await speed(WRITERS, 3000);
    // Neither the tracer nor this machine makes it faster than the disk.
    expect(one).toBeLessThan(500);
    expect(many / one).toBeGreaterThanOrEqual(4);
  });

  it('let the process do other things while an fsync takes its time', { timeout: 60_000 }, async (context) => {
    await requireTracing(context, 'start');
    const { seconds, longestPauseMs } = await load(4, 8, 200);
    expect(seconds).toBeGreaterThan(0.3);
    expect(longestPauseMs).toBeLessThan(100);
  });
});
