// Runs as a worker thread: the one that copies a file's log back, so that no commit waits for the file while others write to the log.
import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { CheckpointThreadData } from './sqlite-checkpoint.ts';

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker thread');
const { file, busyTimeoutMs, isUnderWay }: CheckpointThreadData = workerData;
const database = new Sqlite(file, { timeout: busyTimeoutMs });
database.exec(`PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
  PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF`);
const copyBack = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

yieldToOthers();

/** Whoever copies may wait for those who answer somebody. Linux alone has priorities of threads. */
function yieldToOthers(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    setPriority(thread, Math.max(getPriority(thread), constants.priority.PRIORITY_BELOW_NORMAL));
  } catch {
    // It copies all the same.
  }
}

port.on('message', (what: 'copy' | 'close') => {
  if (what === 'close') {
    database.close();
    port.close();
    return;
  }
  try {
    copyBack.all();
  } catch {
    // What was not copied stays in the log, and is tried again.
  } finally {
    Atomics.store(isUnderWay, 0, 0);
    Atomics.notify(isUnderWay, 0);
  }
});
