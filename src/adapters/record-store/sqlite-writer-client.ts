import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { RegistryError } from '../../errors/registry-error.ts';
import type { CollectionSpec, Commit, CommitResult } from '../../ports/record-store.ts';
import type { MaybePromise } from '../../shared/maybe-promise.ts';
import type { WaitingRecord } from './sqlite-migrate.ts';
import { createSqliteWriter, type Projected } from './sqlite-writer.ts';
import {
  unpackError,
  type WriterCall,
  type WriterReplies,
  type WriterReply,
  type WriterThreadData,
} from './sqlite-writer-messages.ts';

/** The writer as the store calls it: on this thread, or on one of its own. Methods are those of `SqliteWriter`. */
export interface WriterClient {
  commit(commit: Commit, time: number): MaybePromise<CommitResult>;
  sweepExpired(limit: number, time: number): MaybePromise<number>;
  migrateNext(spec: CollectionSpec, after: string, time: number): MaybePromise<readonly WaitingRecord[] | 'done'>;
  migrateWrite(spec: CollectionSpec, projected: Projected): MaybePromise<void>;
  reload(specs: readonly CollectionSpec[]): MaybePromise<void>;
  readonly broken: RegistryError | null;
  close(): MaybePromise<void>;
}

/** Writes on the caller's thread and connection: for a database in memory, where nothing is waited for. */
export function openDirectWriter(database: Database): WriterClient {
  const writer = createSqliteWriter(database);
  return {
    ...writer,
    commit(commit, time) {
      const [outcome] = writer.commitAll([{ commit, time }]);
      if (outcome === undefined) throw new RegistryError('INTERNAL');
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    },
    get broken() {
      return writer.broken;
    },
    close: () => {},
  };
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: RegistryError) => void;
  readonly isCommit: boolean;
}

/** Writes on a thread of its own, which starts with the first call. */
export function openWriterThread(data: WriterThreadData): WriterClient {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let lastId = 0;
  let broken: RegistryError | null = null;

  function settle(reply: WriterReply): void {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (asked === undefined) return;
    if ('error' in reply) asked.reject(unpackError(reply.error));
    else asked.resolve(reply.value as never);
  }

  /** Nobody knows what became of the commits it was at. */
  function stop(cause: unknown): void {
    broken ??= new RegistryError('STORE_FAILURE', {
      message: 'The thread that writes to the store has stopped',
      cause,
    });
    for (const { reject, isCommit } of waiting.values())
      reject(isCommit ? new RegistryError('COMMIT_UNKNOWN', { cause }) : broken);
    waiting.clear();
  }

  function start(): Worker {
    const module = `./sqlite-writer-thread${extname(fileURLToPath(import.meta.url))}`;
    const started = new Worker(new URL(module, import.meta.url), {
      workerData: data,
      execArgv: [],
      name: 'entrepot-writer',
    });
    started.on('message', ({ replies, broken: why }: WriterReplies) => {
      if (why !== null) broken = unpackError(why);
      for (const reply of replies) settle(reply);
      // An idle writer keeps no process alive.
      if (waiting.size === 0) started.unref();
    });
    started.on('error', stop);
    started.on('exit', () => stop(undefined));
    return started;
  }

  function ask<T>(call: WriterCall): Promise<T> {
    if (broken !== null) return Promise.reject(broken);
    worker ??= start();
    const id = ++lastId;
    const to = worker;
    return new Promise<T>((resolve, reject) => {
      if (waiting.size === 0) to.ref();
      waiting.set(id, { resolve, reject, isCommit: call.method === 'commit' });
      to.postMessage({ id, ...call });
    });
  }

  return {
    commit: (commit, time) => ask({ method: 'commit', args: [{ commit, time }] }),
    sweepExpired: (...args) => ask({ method: 'sweepExpired', args }),
    migrateNext: (...args) => ask({ method: 'migrateNext', args }),
    migrateWrite: (...args) => ask({ method: 'migrateWrite', args }),
    reload: (...args) => ask({ method: 'reload', args }),
    get broken() {
      return broken;
    },
    async close() {
      const closing = worker;
      if (closing === null) return;
      if (broken === null) await ask({ method: 'close', args: [] }).catch(() => {});
      await closing.terminate();
    },
  };
}
