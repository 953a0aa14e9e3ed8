// Run as a process of its own by the tests beside it: `commit-load.ts <place as JSON> <writers> <commits>`.
// Writes documents, as many at once as there are writers, and says how that went.
import { randomUUID } from 'node:crypto';
import { openStoreAt, type StorePlace } from './store-place.ts';

/** What it says, as JSON. */
export interface CommitLoadReport {
  readonly seconds: number;
  /** Longest time in which this process could do nothing else, in milliseconds. */
  readonly longestPauseMs: number;
}

const TICK_MS = 5;
const [placeText = '', writers = '', commits = ''] = process.argv.slice(2);
const place: StorePlace = JSON.parse(placeText);
const store = openStoreAt(place);
await store.migrate([{ name: 'documents', indexes: [] }], () => ({}));

async function write(key: string): Promise<void> {
  const value = JSON.stringify({ key, text: 'x'.repeat(1000) });
  const put = { collection: 'documents', key, value, expiresAt: null, rows: {} };
  const event = { id: key, type: 'written', at: new Date().toISOString(), payload: '{}' };
  const result = await store.commit({ id: randomUUID(), checks: [], puts: [put], deletes: [], events: [event] });
  if (!result.ok) throw new Error(`Not written: ${JSON.stringify(result)}`);
}

/** What only the first commit needs, such as a thread or a connection, is there afterwards. */
await Promise.all(Array.from({ length: Number(writers) }, (_, writer) => write(`first-${writer}`)));

let [longestPauseMs, lastTick] = [0, performance.now()];
function tick(): void {
  const now = performance.now();
  longestPauseMs = Math.max(longestPauseMs, now - lastTick);
  lastTick = now;
}
const timer = setInterval(tick, TICK_MS);
const startedAt = performance.now();
const left = Array.from(
  { length: Number(commits) },
  (_, number) => `document-${String(number).padStart(6, '0')}`,
).values();
const work = async () => {
  for (const key of left) await write(key);
};
await Promise.all(Array.from({ length: Number(writers) }, work));
// What never let the timer in would not show otherwise.
tick();
const report: CommitLoadReport = { seconds: (performance.now() - startedAt) / 1000, longestPauseMs };
clearInterval(timer);
await store.close();
process.stdout.write(JSON.stringify(report));
