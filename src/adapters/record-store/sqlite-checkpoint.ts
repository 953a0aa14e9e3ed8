import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';

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

/**
 * 128 MiB: while commits go on, the log is copied back whenever so much of it has not been. Pages that many commits write are copied once for all of them,
 * and few commits meet the copying; more would make finding a page in the log slower.
 */
export const LONG_LOG_PAGES = 32_000;
/** A log of so many pages is to begin anew; and with so many to copy the writer waits for the thread, which may be slower and would never be done. */
export const MOST_PAGES = 2 * LONG_LOG_PAGES;
/** What the writer copies itself then, at most. */
const LAST_PAGES = 2000;
/**
 * When nothing was written for so long, the thread copies what there is, from so many pages up: nobody waits beside it then. Who writes with shorter pauses
 * would mostly be met by it.
 */
const QUIET_MS = 1000;
const QUIET_PAGES = 1000;

/**
 * The thread, which starts with the first copy, copies all of the log when nothing is being written: SQLite then writes it from its beginning again. Of a
 * long log it copies nearly all while commits go on, which lengthen it meanwhile. Where that goes on until the log is too long, the writer copies the
 * rest itself, and all who wait for it wait for that, too.
 */
export function openCheckpointer(
  database: Database,
  { file, busyTimeoutMs }: Omit<CheckpointThreadData, 'isUnderWay'>,
): Checkpointer {
  const length = database.prepare<[], [number, number, number]>('PRAGMA wal_checkpoint(NOOP)').raw();
  const copyBack = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const isUnderWay = new Int32Array(new SharedArrayBuffer(4));
  const quiet = setTimeout(() => attempt(lookInQuiet), QUIET_MS);
  quiet.unref();
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

  const isBusy = (): boolean => Atomics.load(isUnderWay, 0) === 1;

  function logLength(): { readonly pages: number; readonly waiting: number } {
    const [, pages = 0, copied = 0] = length.get() ?? [];
    return { pages, waiting: pages - copied };
  }

  function lookInQuiet(): void {
    if (!isBusy() && logLength().waiting >= QUIET_PAGES) ask();
  }

  function look(): void {
    const { pages, waiting } = logLength();
    if (waiting > MOST_PAGES) {
      Atomics.wait(isUnderWay, 0, 1, busyTimeoutMs);
      copyBack.all();
    } else if (isBusy()) return;
    else if (isAsked && pages >= MOST_PAGES) {
      isAsked = false;
      if (waiting <= LAST_PAGES) copyBack.all();
      else ask();
    } else if (waiting >= LONG_LOG_PAGES) ask();
  }

  return {
    look() {
      quiet.refresh();
      attempt(look);
    },
    async close() {
      clearTimeout(quiet);
      const closing = worker;
      if (closing === null) return;
      closing.ref();
      const exited = new Promise((resolve) => closing.once('exit', resolve));
      closing.postMessage('close');
      await exited;
    },
  };
}

function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // The commits are in the log, which is whole. What was not copied is copied another time.
  }
}
