import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { CHECKPOINT_PAGES } from './sqlite-database.ts';

/** What the thread is started with. */
export interface CheckpointThreadData {
  readonly file: string;
  readonly busyTimeoutMs: number;
  /** 1 from when the thread is told to copy until it has. */
  readonly isUnderWay: Int32Array;
}

/** Copies what commits wrote from the log back to the file, so that the log can begin anew. */
export interface Checkpointer {
  /** Looks how long the log is, and does something about it; called after each transaction. */
  look(): void;
  close(): Promise<void>;
}

/** A log of so many pages is not left to the thread alone: it writes slower than the writer, and would never be done. */
const MOST_PAGES = 4 * CHECKPOINT_PAGES;

/**
 * The thread, which starts with the first long log, copies nearly all of it while commits go on; they have then lengthened the log by a little,
 * which the writer copies itself. So both find the log copied whole, which is when SQLite writes it from its beginning again.
 */
export function openCheckpointer(
  database: Database,
  { file, busyTimeoutMs }: Omit<CheckpointThreadData, 'isUnderWay'>,
): Checkpointer {
  const length = database.prepare<[], [number, number, number]>('PRAGMA wal_checkpoint(NOOP)').raw();
  const copyBack = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const isUnderWay = new Int32Array(new SharedArrayBuffer(4));
  let worker: Worker | null = null;
  let isAsked = false;

  function start(): Worker {
    const module = `./sqlite-checkpoint-thread${extname(fileURLToPath(import.meta.url))}`;
    const workerData: CheckpointThreadData = { file, busyTimeoutMs, isUnderWay };
    const started = new Worker(new URL(module, import.meta.url), {
      workerData,
      execArgv: [],
      name: 'entrepot-checkpoint',
    });
    const stop = (): void => {
      if (worker === started) worker = null;
      Atomics.store(isUnderWay, 0, 0);
    };
    // The writer copies alone until another one has started.
    started.on('error', stop);
    started.on('exit', stop);
    started.unref();
    return started;
  }

  function ask(): void {
    worker ??= start();
    isAsked = true;
    Atomics.store(isUnderWay, 0, 1);
    worker.postMessage('copy');
  }

  function look(): void {
    const [, pages = 0, copied = 0] = length.get() ?? [];
    const waiting = pages - copied;
    if (waiting > MOST_PAGES) copyBack.all();
    else if (Atomics.load(isUnderWay, 0) === 1) return;
    else if (isAsked) {
      isAsked = false;
      if (waiting < CHECKPOINT_PAGES / 8) copyBack.all();
      else ask();
    } else if (waiting >= CHECKPOINT_PAGES) ask();
  }

  return {
    look() {
      try {
        look();
      } catch {
        // The commits are in the log, which is whole. What was not copied is copied another time.
      }
    },
    async close() {
      const closing = worker;
      if (closing === null) return;
      closing.ref();
      const exited = new Promise((resolve) => closing.once('exit', resolve));
      closing.postMessage('close');
      await exited;
    },
  };
}
