// Run as a process of its own by the tests beside it: `sqlite-child.ts <what> <file> <name>`.
import { randomUUID } from 'node:crypto';
import { openSqliteRecordStore } from '../../src/adapters/record-store/sqlite.ts';
import { COUNTERS } from './sqlite-counters.ts';

const [what, file = '', name = ''] = process.argv.slice(2);
const store = openSqliteRecordStore({ file });

/** Adds one to the shared counter and appends an event in the same commit; again when another was quicker. */
async function increment(step: number): Promise<void> {
  for (;;) {
    const read = await store.get('counters', 'shared');
    const count = read === null ? 0 : Number(JSON.parse(read.value));
    const result = await store.commit({
      id: randomUUID(),
      checks: [{ kind: 'record', collection: 'counters', key: 'shared', version: read?.version ?? null }],
      puts: [
        {
          collection: 'counters',
          key: 'shared',
          value: String(count + 1),
          expiresAt: null,
          rows: { counts: { count: count + 1 } },
        },
      ],
      deletes: [],
      events: [{ id: `${name}-${step}`, type: 'counted', at: new Date().toISOString(), payload: String(count + 1) }],
    });
    if (result.ok) return;
  }
}

await store.migrate([COUNTERS], () => ({}));
if (what === 'count') {
  for (let step = 0; step < 200; step++) {
    await increment(step);
    // Lets the other process in between a read and a commit of this one now and then.
    if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await store.close();
} else if (what === 'overfill') {
  // Runs under a limit on the size of files: sooner or later the log cannot grow, in the middle of a commit.
  const codes: string[] = [];
  let acknowledged = 0;
  for (let step = 0; step < 2000 && codes.length === 0; step++) {
    try {
      await increment(step);
      acknowledged = step + 1;
    } catch (error) {
      codes.push(codeOf(error));
    }
  }
  for (const again of [() => increment(-1), () => store.outcome('any')]) {
    try {
      await again();
      codes.push('no error');
    } catch (error) {
      codes.push(codeOf(error));
    }
  }
  const read = await store.get('counters', 'shared');
  const health = await store.health();
  process.stdout.write(JSON.stringify({ codes, acknowledged, read: Number(read?.value), health: health.ok }));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
