import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPostgres } from '../support/postgres.ts';
import { runProgram } from '../support/run-program.ts';
import { requirePostgres } from '../support/shared-postgres.ts';
import { judgePostgresDurability, POSTGRES_TRACE_OPTIONS } from './postgres-durability.ts';
import type { StorePlace } from './store-place.ts';
import { parseTrace, STRACE_OPTIONS } from './system-calls.ts';
import { requireTracing } from './tracing.ts';

const LOG = '/data/pg_wal/000000010000000000000001';
const MARKER = /marker-\d/g;

const toHex = (text: string) =>
  [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
const on = (process: number, name: string, path: string, text: string | null) =>
  `${process}  ${name}(3<${toHex(path)}>${text === null ? '' : `, "${toHex(text)}", 9, 0`}) = 9`;

/** A commit of one client as it should be, and what another process of the server does meanwhile. */
const GOOD = {
  begin: on(7, 'recvfrom', 'socket:[1]', 'Q\0\0\0\x0aBEGIN\0'),
  'hear the document': on(7, 'recvfrom', 'socket:[1]', 'B … marker-1 …'),
  'say that it was inserted': on(7, 'sendto', 'socket:[1]', 'C\0\0\0\x0fINSERT 0 1\0'),
  'write the document': on(8, 'pwrite64', LOG, '… marker-1 …'),
  'sync the document': on(8, 'fdatasync', LOG, null),
  'hear COMMIT': on(7, 'recvfrom', 'socket:[1]', 'Q\0\0\0\x0bCOMMIT\0'),
  'write the end': on(7, 'pwrite64', LOG, '… end …'),
  'sync the end': on(7, 'fdatasync', LOG, null),
  answer: on(7, 'sendto', 'socket:[1]', 'C\0\0\0\x0bCOMMIT\0Z\0\0\0\x05I'),
};
type Step = keyof typeof GOOD;
const STEPS = Object.keys(GOOD) as Step[];

const judge = (lines: readonly string[]) => judgePostgresDurability(parseTrace(lines.join('\n')), MARKER);
const without = (left: Step) => STEPS.filter((step) => step !== left).map((step) => GOOD[step]);

describe('the judge of traces of PostgreSQL', () => {
  it('passes a commit that does all there is to do, by whichever process', () => {
    const good = { acknowledged: ['marker-1'], violations: [] };
    expect(judge(STEPS.map((step) => GOOD[step]))).toEqual(good);
    expect(judge(STEPS.map((step) => GOOD[step].replace(/^7 (?= (pwrite64|fdatasync))/, '9 ')))).toEqual(good);
    expect(judge(without('sync the document'))).toEqual(good);
  });

  it.each<[Step, RegExp]>([
    ['write the document', /^marker-1: it was not written to the log$/],
    ['write the end', /the log was not written after the COMMIT/],
    ['sync the end', /the log was not synced between its last write and the answer/],
  ])('misses the step "%s"', (step, violation) => {
    expect(judge(without(step)).violations).toEqual([expect.stringMatching(violation)]);
  });

  it.each<[Step, Step]>([
    ['sync the end', 'write the end'],
    ['write the end', 'hear COMMIT'],
    ['answer', 'sync the end'],
    ['answer', 'write the end'],
  ])('sees "%s" come before "%s"', (early, late) => {
    const others = STEPS.filter((step) => step !== early);
    const order = others.toSpliced(others.indexOf(late), 0, early);
    expect(judge(order.map((step) => GOOD[step])).violations).toHaveLength(1);
  });

  it('leaves out what was rolled back, and knows what was sent after it', () => {
    const rolledBack = on(7, 'sendto', 'socket:[1]', 'C\0\0\0\x0dROLLBACK\0');
    const second = without('write the document').map((line) => line.replace(toHex('marker-1'), toHex('marker-2')));
    const { acknowledged, violations } = judge([GOOD['hear the document'], rolledBack, ...second]);
    expect([acknowledged, violations]).toEqual([['marker-2'], ['marker-2: it was not written to the log']]);
  });

  it('does not count a sync of another file, or one that failed', () => {
    for (const bad of [
      GOOD['sync the end'].replace(toHex(LOG), toHex(LOG.replace(/1$/, '2'))),
      GOOD['sync the end'].replace('= 9', '= -1 EIO (Input/output error)'),
    ]) {
      const lines = STEPS.map((step) => (step === 'sync the end' ? bad : GOOD[step]));
      expect(judge(lines).violations).toHaveLength(1);
    }
  });
});

const LOAD = join(import.meta.dirname, 'commit-load.ts');
/** As the load names its documents. */
const DOCUMENT = /document-\d{6}/g;

describe('a PostgreSQL server under strace', () => {
  it.for([1, 8])(
    'answers no commit of a store before it is durable, where %i write at once',
    {
      timeout: 60_000,
    },
    async (writers, context) => {
      requirePostgres(context);
      await requireTracing(context, 'start');
      const tracer = ['strace', '-D', '--seccomp-bpf', ...STRACE_OPTIONS, ...POSTGRES_TRACE_OPTIONS, '-o', 'trace'];
      const server = await startPostgres({ wrapper: tracer });
      onTestFinished(server.remove);
      const commits = 40;
      const place: StorePlace = { kind: 'postgres', url: server.url, schema: 'traced' };
      const args = [LOAD, JSON.stringify(place), String(writers), String(commits)];
      const { code, stderr } = await runProgram(process.execPath, args);
      expect([code, stderr]).toEqual([0, '']);
      await server.stop();

      const calls = parseTrace(await readFile(join(server.folder, 'trace'), 'utf8'));
      const { acknowledged, violations } = judgePostgresDurability(calls, DOCUMENT);
      expect(new Set(acknowledged).size).toBe(commits);
      expect(violations).toEqual([]);
      // The same trace as a server would leave that does not sync its log.
      const without = calls.filter(({ name, path }) => !(name.endsWith('sync') && path?.includes('/pg_wal/')));
      expect(judgePostgresDurability(without, DOCUMENT).violations).toHaveLength(commits);
    },
  );
});
