// Runs as a worker thread: the one that writes to a file, so that neither an fsync nor waiting for another process holds the event loop.
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openCheckpointer } from './sqlite-checkpoint.ts';
import { openDatabase } from './sqlite-database.ts';
import { createSqliteWriter, type SqliteWriter, type TimedCommit } from './sqlite-writer.ts';
import {
  type CommitRequest,
  packError,
  type WriterReply,
  type WriterRequest,
  type WriterThreadData,
} from './sqlite-writer-messages.ts';

/** How many commits share a transaction at most, and after how long none joins it any more: the first of them waits for the last. */
const MAX_GROUP = 256;
const JOIN_MS = 20;
/** Replies in one message. All of a message are told before the first who waited goes on, to the next commit, for which this thread waits. */
const TOLD_TOGETHER = 8;
/**
 * An eighth of what readers have: at nearly each commit SQLite looks through all pages that it keeps (a b-tree that is balanced lends a page the highest
 * number there is for a moment, and pages above the end are dropped), which takes longer than reading some of them again.
 */
const CACHE_KIB = 8192;

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker thread');
const { file, busyTimeoutMs }: WriterThreadData = workerData;
const database = openDatabase(file, busyTimeoutMs);
database.pragma(`cache_size = -${CACHE_KIB}`);
database.pragma('wal_autocheckpoint = 0');
const writer = createSqliteWriter(database);
const checkpointer = openCheckpointer(database, { file, busyTimeoutMs });
port.on('message', (first: WriterRequest) => {
  let isOpen = true;
  // What arrived while the last transaction was made is taken together.
  for (let waiting = [first, ...takeAll(port)]; waiting.length > 0 && isOpen; waiting = takeAll(port)) {
    isOpen = serve(port, waiting);
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
  // Of those that arrive while a transaction is made commits join it, up to the first that is something else.
  const waiting = [...requests];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (next.method === 'commit') {
      reply(to, commitGroup(next, waiting, to));
    } else if (next.method === 'close') {
      void close(to, next.id);
      return false;
    } else reply(to, [callOf(next)]);
    checkpointer.look();
  }
  return true;
}

/** The thread that copies goes first: the last connection to close copies the rest and takes the log away. */
async function close(to: MessagePort, id: number): Promise<void> {
  await checkpointer.close();
  database.close();
  reply(to, [{ id, value: null }]);
  to.close();
}

/** Takes the commits at the head of what waits along, and those that arrive until all are written. */
function commitGroup(first: CommitRequest, waiting: WriterRequest[], from: MessagePort): readonly WriterReply[] {
  const group = [first];
  const joinBefore = performance.now() + JOIN_MS;
  const join = (): readonly TimedCommit[] => {
    const joined: TimedCommit[] = [];
    if (waiting.length === 0 && performance.now() < joinBefore) waiting.push(...takeAll(from));
    for (let next = waiting[0]; next?.method === 'commit' && group.length < MAX_GROUP; next = waiting[0]) {
      waiting.shift();
      group.push(next);
      joined.push(next.args[0]);
    }
    return joined;
  };
  const outcomes = writer.commitAll([first.args[0], ...join()], join);
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
  const broken = writer.broken === null ? null : packError(writer.broken);
  for (let from = 0; from < replies.length; from += TOLD_TOGETHER)
    to.postMessage({ replies: replies.slice(from, from + TOLD_TOGETHER), broken });
}
