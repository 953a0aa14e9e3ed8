// Runs as a worker thread: the one that searches a file. A search goes through all that it finds, which may be a good part of the store.
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import { toStoreError } from './sqlite-errors.ts';
import { createSqliteSearcher } from './sqlite-search.ts';
import type { SearchReply, SearchRequest, SearchThreadData } from './sqlite-search-client.ts';
import { packError } from './sqlite-writer-messages.ts';

const CACHE_KIB = 32_768;

const port = parentPort;
if (port === null) throw new Error('This module runs as a worker thread');
const { file, busyTimeoutMs }: SearchThreadData = workerData;
const database = new Sqlite(file, { readonly: true, timeout: busyTimeoutMs });
database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF`);
const searcher = createSqliteSearcher(database);

port.on('message', (request: SearchRequest) => port.postMessage(answer(request)));

function answer(request: SearchRequest): SearchReply {
  const { id } = request;
  try {
    if (request.method === 'search') return { id, value: searcher.search(request.layout, request.query, request.time) };
    return { id, value: searcher.similarWords(request.layout, request.query) };
  } catch (thrown) {
    return { id, error: packError(toStoreError(thrown)) };
  }
}
