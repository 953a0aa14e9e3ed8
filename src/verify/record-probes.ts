import { randomUUID } from 'node:crypto';
import type { Commit, Check as CommitCheck, CommitResult, NewEvent, RecordStore } from '../ports/record-store.ts';
import { attempt, type Check, must } from './report.ts';

const KEY = 'verify/a';
const OTHER = 'verify/b';

/** Compare and set, and all or nothing, on a store that may be written to. */
export async function verifyRecordStore(
  title: string,
  store: RecordStore,
  collection: string,
): Promise<readonly Check[]> {
  const commit = (version: number | null, keys: readonly string[], value: number, id = randomUUID()) =>
    store.commit(commitOf(collection, id, [recordCheck(collection, KEY, version)], keys, value));
  const read = async (key: string): Promise<unknown> => {
    const record = await store.get(collection, key);
    return record === null ? null : JSON.parse(record.value);
  };
  return [
    await attempt(`${title} writes a record that must be absent only once`, async () => {
      must((await commit(null, [KEY], 1)).ok, 'The first commit was refused');
      refused(await commit(null, [KEY], 2));
      must((await read(KEY)) === 1, 'The refused commit changed the record');
    }),
    await attempt(`${title} writes a record only over the version that was read`, async () => {
      const { version } = (await store.get(collection, KEY)) ?? { version: null };
      const results = await Promise.all([commit(version, [KEY], 3), commit(version, [KEY], 4)]);
      must(results.filter(({ ok }) => ok).length === 1, 'Of two commits over one version, not exactly one succeeded');
      must((await read(KEY)) === (results[0].ok ? 3 : 4), 'The record is not what the commit that succeeded wrote');
      refused(await commit(version, [KEY], 5));
    }),
    await attempt(`${title} applies a commit as a whole or not at all`, async () => {
      refused(await commit(null, [KEY, OTHER], 6));
      must((await read(OTHER)) === null, 'A refused commit wrote a record');
    }),
    await attempt(`${title} applies a commit once, however often it is sent`, async () => {
      const id = randomUUID();
      const { version } = (await store.get(collection, KEY)) ?? { version: null };
      const first = await commit(version, [KEY], 7, id);
      const second = await commit(version, [KEY], 7, id);
      must(
        first.ok && second.ok && first.version === second.version,
        'The second time was not answered like the first',
      );
      must((await store.outcome(id)) === (first.ok ? first.version : null), 'Its outcome is not known');
    }),
    await attempt(`${title} forgets a record that is deleted`, async () => {
      const deletes = [{ collection, key: KEY }];
      must((await store.commit({ id: randomUUID(), checks: [], puts: [], deletes, events: [] })).ok, 'It was refused');
      must((await read(KEY)) === null, 'The record is still there');
    }),
  ];
}

/** Events stand in the log when their commit succeeded, with its version, in order, and only then. */
export async function verifyEventLog(title: string, store: RecordStore, collection: string): Promise<readonly Check[]> {
  const event = (): NewEvent => ({ id: randomUUID(), type: 'verify', at: '2026-01-01T00:00:00.000Z', payload: '{}' });
  const ids = async () => (await store.events(0, 1000)).map(({ id }) => id);
  return [
    await attempt(`${title} drops the events of a commit that is refused`, async () => {
      const before = await ids();
      const checks = [recordCheck(collection, KEY, 1_000_000)];
      refused(await store.commit({ ...commitOf(collection, randomUUID(), checks, [KEY], 1), events: [event()] }));
      must((await ids()).length === before.length, 'An event of a refused commit is in the log');
    }),
    await attempt(`${title} shows events in the order of their commits`, async () => {
      const before = await store.events(0, 1000);
      const batches = [[event(), event()], [event()], [event()]];
      const versions: number[] = [];
      for (const events of batches) {
        const result = await store.commit({ ...commitOf(collection, randomUUID(), [], [KEY], 1), events });
        must(result.ok, 'A commit was refused');
        versions.push(result.version);
      }
      const added = (await store.events(0, 1000)).slice(before.length);
      const expected = batches.flat().map(({ id }) => id);
      must(added.map(({ id }) => id).join() === expected.join(), 'The log does not hold the events in order');
      const [first = 0, second = 0, third = 0] = versions;
      const own = [first, first, second, third].join();
      must(added.map(({ version }) => version).join() === own, 'An event has not the version of its commit');
      must(
        added.every(({ position }, index) => position > (added[index - 1]?.position ?? 0)),
        'Positions do not grow',
      );
    }),
  ];
}

function recordCheck(collection: string, key: string, version: number | null): CommitCheck {
  return { kind: 'record', collection, key, version };
}

function commitOf(
  collection: string,
  id: string,
  checks: readonly CommitCheck[],
  keys: readonly string[],
  value: number,
): Commit {
  const puts = keys.map((key) => ({ collection, key, value: JSON.stringify(value), expiresAt: null, rows: {} }));
  return { id, checks, puts, deletes: [], events: [] };
}

function refused(result: CommitResult): void {
  must(!result.ok, 'A commit whose check does not hold was applied');
  must(result.reason === 'check', `It was refused for another reason: ${result.reason}`);
}
