// Run as a process of its own by the tests beside it, with a channel to them: `record-server.ts <place as JSON>`.
// Writes what it is asked to and answers; like a real server it repeats what others were quicker at, and settles what it does not know.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { toRegistryError } from '../../src/errors/registry-error.ts';
import type { Commit, CommitResult } from '../../src/ports/record-store.ts';
import { PAIRS, type PairRequest, pairCommit } from './record-pairs.ts';
import { openStoreAt, type StorePlace } from './store-place.ts';

/** What the server says: that it is ready (null), or what became of a request; the code is null where it was written. */
export type RecordAnswer = { readonly number: number; readonly code: string | null } | null;

export interface RecordRequest extends PairRequest {
  readonly number: number;
}

const PATIENCE_MS = 5000;
const place: StorePlace = JSON.parse(process.argv[2] ?? '');
const store = openStoreAt(place);

async function write(request: PairRequest): Promise<string | null> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  try {
    while (performance.now() < giveUpAt) {
      const read = await store.get('counters', request.counter);
      const counter = read === null ? null : { version: read.version, count: Number(read.value) };
      const result = await settled(pairCommit(randomUUID(), request, counter), giveUpAt);
      if (result.ok) return null;
      await sleep(Math.random() * 5);
    }
    return 'CONFLICT';
  } catch (thrown) {
    return toRegistryError(thrown, 'STORE_FAILURE').code;
  }
}

async function settled(commit: Commit, giveUpAt: number): Promise<CommitResult> {
  try {
    return await store.commit(commit);
  } catch (thrown) {
    const error = toRegistryError(thrown, 'STORE_FAILURE');
    if (error.code !== 'COMMIT_UNKNOWN') throw error;
    while (performance.now() < giveUpAt) {
      try {
        const version = await store.outcome(commit.id);
        return version === null ? await settled({ ...commit, id: randomUUID() }, giveUpAt) : { ok: true, version };
      } catch {
        await sleep(20);
      }
    }
    throw error;
  }
}

const say = (answer: RecordAnswer) => process.send?.(answer);

await store.migrate(PAIRS, () => ({}));
process.on('message', (request: RecordRequest) => {
  write(request).then((code) => say({ number: request.number, code }));
});
process.on('disconnect', () => process.exit());
say(null);
