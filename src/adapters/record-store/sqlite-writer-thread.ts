// Runs as a worker thread: the one that writes to a file, so that neither an fsync nor waiting for another process holds the event loop.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openCheckpointer } from './sqlite-checkpoint.ts';
import { openDatabase } from './sqlite-database.ts';
import { createSqliteWriter, type SqliteWriter, type TimedCommit } from './sqlite-writer.ts';
import { packError, type WriterReply, type WriterRequest, type WriterThreadData } from './sqlite-writer-messages.ts';

/** How many commits share a transaction at most: the first of them waits for the last. */
const MAX_GROUP = 256;
const CACHE_KIB = 32_768;

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker thread');
const { file, busyTimeoutMs }: WriterThreadData = workerData;
const database = openDatabase(file, busyTimeoutMs);
// Half of what readers have: rows go to pages all over the indexes, but to read one from the system's memory takes less than to write it.
database.pragma(`cache_size = -${CACHE_KIB}`);
database.pragma('wal_autocheckpoint = 0');
const writer = createSqliteWriter(database);
const checkpointer = openCheckpointer(database, { file, busyTimeoutMs });
port.on('message', (first: WriterRequest) => {
  let isOpen = true;
  // What arrived while the last transaction was made is taken together.
  for (let waiting = [first, ...takeAll(port)]; waiting.length > 0 && isOpen; waiting = takeAll(port)) {
    isOpen = serve(port, waiting);
    if (isOpen) checkpointer.look();
  }
});

function takeAll(from: MessagePort): WriterRequest[] {
  const found: WriterRequest[] = [];
  for (;;) {
    const next = receiveMessageOnPort(from);
    if (next === undefined) return found;
    found.push(next.message);
  }
}

/** Whether the writer goes on. */
function serve(to: MessagePort, requests: readonly WriterRequest[]): boolean {
  let group: { readonly id: number; readonly timed: TimedCommit }[] = [];
  const flush = (): void => {
    if (group.length > 0) reply(to, commitGroup(group));
    group = [];
  };
  for (const request of requests) {
    if (request.method === 'commit') {
      group.push({ id: request.id, timed: request.args[0] });
      if (group.length === MAX_GROUP) flush();
      continue;
    }
    flush();
    if (request.method === 'close') {
      void close(to, request.id);
      return false;
    }
    reply(to, [callOf(request)]);
  }
  flush();
  return true;
}

/** The thread that copies goes first: the last connection to close copies the rest and takes the log away. */
async function close(to: MessagePort, id: number): Promise<void> {
  await checkpointer.close();
  database.close();
  reply(to, [{ id, value: null }]);
  to.close();
}

function commitGroup(group: readonly { readonly id: number; readonly timed: TimedCommit }[]): readonly WriterReply[] {
  const outcomes = writer.commitAll(group.map(({ timed }) => timed));
  return outcomes.map((outcome, place) => {
    const id = group[place]?.id ?? -1;
    return 'error' in outcome ? { id, error: packError(outcome.error) } : { id, value: outcome.value };
  });
}

function callOf(request: Exclude<WriterRequest, { method: 'commit' | 'close' }>): WriterReply {
  try {
    return { id: request.id, value: call(writer, request) };
  } catch (thrown) {
    return { id: request.id, error: packError(thrown) };
  }
}

function call(on: SqliteWriter, request: Exclude<WriterRequest, { method: 'commit' | 'close' }>): unknown {
  switch (request.method) {
    case 'sweepExpired':
      return on.sweepExpired(...request.args);
    case 'migrateNext':
      return on.migrateNext(...request.args);
    case 'migrateWrite':
      return on.migrateWrite(...request.args);
    case 'reload':
      return on.reload(...request.args);
  }
}

function reply(to: MessagePort, replies: readonly WriterReply[]): void {
  const { broken } = writer;
  to.postMessage({ replies, broken: broken === null ? null : packError(broken) });
}
