import { RegistryError, toRegistryError } from '../errors/registry-error.ts';
import type { Commit, CommitResult, RecordStore } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import { timeOrderedId } from '../shared/time-ordered-id.ts';
import type { Run, Signal, StepRun } from './contract.ts';
import type { RequestSession } from './session.ts';
import { Transaction, type TransactionMemory, turnKey } from './transaction.ts';
import type { Turn } from './turns.ts';

/** How long a transaction may try, from its begin. */
const TIME_BOUND_MS = 5_000;
/** After this many failures it takes a turn. */
const FAILURES_BEFORE_TURN = 2;
/** A failed attempt waits before the next one, so that processes that share a store do not march in step. Doubles up to 32 times. */
const BACKOFF_MS = 1;

/**
 * The steps between `txn.begin` and its `txn.commit` (or `txn.abort`) as one step: an optimistic transaction.
 * However it ends (commit, abort, a response or an error before the commit), its reads are proved to hold together first;
 * when they do not, the variables go back to what they were and the steps run again.
 */
export function transactionBlock(body: StepRun, end: 'commit' | 'abort', storeName: string): StepRun {
  return async (run) => {
    const session = run.session as RequestSession;
    if (session.txn !== null)
      throw new RegistryError('INTERNAL', { message: 'A transaction was begun inside another' });
    const store = session.engine.store(storeName);
    const clock = session.engine.clock;
    const saved = run.slots.slice();
    const memory: TransactionMemory = { once: new Map() };
    const deadline = clock.now() + TIME_BOUND_MS;
    let turn: Turn | null = null;
    try {
      for (let failures = 0; ; ) {
        const { txn, signal, error } = await attempt(session, store, memory, body, run);
        // What follows is waiting, of which none is the pipeline's own time.
        session.suspend();
        // Trouble of the engine's own says nothing about the records; there is nothing to prove.
        if (error !== undefined && error.status >= 500 && error.retryable) throw error;
        const writes = error === undefined && signal === undefined && end === 'commit';
        const result = await finish(session, txn, writes, turn, deadline);
        if (result === null || result.ok) {
          if (error !== undefined) throw error;
          if (writes) await runDeferred(session, txn);
          return signal;
        }
        if (result.reason === 'unique') {
          throw new RegistryError('UNIQUE_VIOLATION', { details: { index: result.index, key: result.keyName } });
        }
        failures++;
        session.engine.metrics.commitRetries++;
        for (let slot = 0; slot < saved.length; slot++) run.slots[slot] = saved[slot];
        if (clock.now() >= deadline) throw conflict();
        if (failures >= FAILURES_BEFORE_TURN && turn === null) {
          turn = await orConflict(
            session.engine.turns.take([turnKey(result.check)], deadlineSignal(session, deadline)),
          );
        } else if (failures > FAILURES_BEFORE_TURN) {
          await clock.sleep(Math.random() * BACKOFF_MS * 2 ** Math.min(failures - FAILURES_BEFORE_TURN, 5));
        }
      }
    } finally {
      turn?.release();
    }
  };
}

interface Attempt {
  readonly txn: Transaction;
  readonly signal: Signal;
  readonly error: RegistryError | undefined;
}

async function attempt(
  session: RequestSession,
  store: RecordStore,
  memory: TransactionMemory,
  body: StepRun,
  run: Run,
): Promise<Attempt> {
  const txn = new Transaction(store, memory);
  session.txn = txn;
  session.resume();
  try {
    return { txn, signal: await body(run), error: undefined };
  } catch (thrown) {
    return { txn, signal: undefined, error: toRegistryError(thrown) };
  } finally {
    session.txn = null;
  }
}

/** Commits, or proves the reads where nothing is to be written. Null: there was nothing to prove. */
async function finish(
  session: RequestSession,
  txn: Transaction,
  writes: boolean,
  turn: Turn | null,
  deadline: number,
): Promise<CommitResult | null> {
  if (!writes && !txn.hasChecks) return null;
  const release = writes ? await session.blobs.holdForCommit(txn) : null;
  let committed = false;
  try {
    if (writes) {
      const wait = session.engine.turns.wait(
        () => txn.turnKeys(),
        turn,
        () => deadlineSignal(session, deadline),
      );
      if (wait !== undefined) await orConflict(wait);
    }
    session.countIo();
    const result = await commitSettled(session.engine.clock, txn.store, txn.toCommit(writes), deadline);
    committed = result.ok;
    return result;
  } finally {
    release?.(committed);
  }
}

/** A commit whose outcome a broken connection left unknown is settled by its id before anything else happens. */
async function commitSettled(
  clock: Clock,
  store: RecordStore,
  commit: Commit,
  deadline: number,
): Promise<CommitResult> {
  try {
    return await store.commit(commit);
  } catch (thrown) {
    const unknown = toRegistryError(thrown, 'STORE_FAILURE');
    if (unknown.code !== 'COMMIT_UNKNOWN') throw unknown;
    for (let pause = 10; ; pause *= 2) {
      try {
        const version = await store.outcome(commit.id);
        if (version !== null) return { ok: true, version };
        break;
      } catch {
        // The store does not answer yet: ask again until the time is up.
        if (clock.now() + pause > deadline) throw unknown;
        await clock.sleep(pause);
      }
    }
  }
  if (clock.now() > deadline) throw conflict();
  // It was not applied and never will be: the same commit, under a new id.
  return commitSettled(clock, store, { ...commit, id: timeOrderedId() }, deadline);
}

async function runDeferred(session: RequestSession, txn: Transaction): Promise<void> {
  for (const action of txn.deferred) await session.defer(action);
}

function deadlineSignal(session: RequestSession, deadline: number): AbortSignal {
  return AbortSignal.timeout(Math.max(1, deadline - session.engine.clock.now()));
}

async function orConflict<T>(waiting: Promise<T>): Promise<T> {
  try {
    return await waiting;
  } catch (reason) {
    if (reason instanceof DOMException && reason.name === 'TimeoutError') throw conflict();
    throw reason;
  }
}

function conflict(): RegistryError {
  return new RegistryError('CONFLICT', { headers: { 'Retry-After': '1' } });
}
