import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { sql } from 'kysely';
import { RegistryError } from '../../errors/registry-error.ts';
import type { SearchPage, SearchQuery, SimilarQuery, SimilarWords } from '../../ports/record-search.ts';
import type { MaybePromise } from '../../shared/maybe-promise.ts';
import type { IndexLayout } from './sql-layout.ts';
import { param } from './sql-statement.ts';
import { createSqliteSearcher } from './sqlite-search.ts';
import { createStatementCache } from './sqlite-statement.ts';
import { type PackedError, unpackError } from './sqlite-writer-messages.ts';

/** What the thread is started with. */
export interface SearchThreadData {
  readonly file: string;
  readonly busyTimeoutMs: number;
}

export type SearchRequest = { readonly id: number; readonly layout: IndexLayout } & (
  | { readonly method: 'search'; readonly query: SearchQuery; readonly time: number }
  | { readonly method: 'similarWords'; readonly query: SimilarQuery }
);

export type SearchReply =
  | { readonly id: number; readonly value: SearchPage | SimilarWords }
  | { readonly id: number; readonly error: PackedError };

/** Searches as the store asks for them. */
export interface SearchClient {
  search(layout: IndexLayout, query: SearchQuery, time: number): MaybePromise<SearchPage>;
  similarWords(layout: IndexLayout, query: SimilarQuery): MaybePromise<SimilarWords>;
  close(): MaybePromise<void>;
}

/** Searches on the caller's thread and connection: for a database in memory. */
export function openDirectSearch(database: Database): SearchClient {
  return { ...createSqliteSearcher(database), close: () => {} };
}

/** An index does not grow from small to large all at once. */
const SIZE_LASTS_MS = 1000;

/** Searches indexes with at most `maxRecords` on the caller's thread, which is quicker there, and larger ones on a thread of their own. */
export function openSearch(database: Database, data: SearchThreadData, maxRecords: number): SearchClient {
  const direct = openDirectSearch(database);
  const thread = openSearchThread(data);
  const statements = createStatementCache(database);
  const sizes = new Map<string, { readonly isLarge: boolean; readonly lookedAtMs: number }>();
  const isLarge = (table: string): boolean => {
    const known = sizes.get(table);
    const now = performance.now();
    if (known !== undefined && now - known.lookedAtMs < SIZE_LASTS_MS) return known.isLarge;
    const some = statements.get(
      table,
      () => sql`SELECT count(*) FROM (SELECT 1 FROM ${sql.table(table)} LIMIT ${param('limit')})`,
    );
    const found = Number(some.row({ limit: maxRecords + 1 })?.[0] ?? 0) > maxRecords;
    sizes.set(table, { isLarge: found, lookedAtMs: now });
    return found;
  };
  const clientOf = ({ search }: IndexLayout): SearchClient =>
    search !== null && isLarge(search.records) ? thread : direct;
  return {
    search: (layout, query, time) => clientOf(layout).search(layout, query, time),
    similarWords: (layout, query) => clientOf(layout).similarWords(layout, query),
    close: () => thread.close(),
  };
}

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: RegistryError) => void;
}

/** Searches on a thread of its own, which starts with the first one and anew when it has stopped. */
export function openSearchThread(data: SearchThreadData): SearchClient {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | null = null;
  let lastId = 0;

  function settle(reply: SearchReply): void {
    const asked = waiting.get(reply.id);
    waiting.delete(reply.id);
    if ('error' in reply) asked?.reject(unpackError(reply.error));
    else asked?.resolve(reply.value as never);
  }

  function start(): Worker {
    const module = `./sqlite-search-thread${extname(fileURLToPath(import.meta.url))}`;
    const started = new Worker(new URL(module, import.meta.url), {
      workerData: data,
      execArgv: [],
      name: 'entrepot-search',
    });
    const stop = (cause: unknown): void => {
      if (worker !== started) return;
      worker = null;
      const error = new RegistryError('STORE_FAILURE', { message: 'The thread that searches has stopped', cause });
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    started.on('message', (reply: SearchReply) => {
      settle(reply);
      // An idle thread keeps no process alive.
      if (waiting.size === 0) started.unref();
    });
    started.on('error', stop);
    started.on('exit', () => stop(undefined));
    return started;
  }

  function ask<T>(request: (id: number) => SearchRequest): Promise<T> {
    worker ??= start();
    const id = ++lastId;
    const to = worker;
    return new Promise<T>((resolve, reject) => {
      if (waiting.size === 0) to.ref();
      waiting.set(id, { resolve, reject });
      to.postMessage(request(id));
    });
  }

  return {
    search: (layout, query, time) => ask((id) => ({ id, method: 'search', layout, query, time })),
    similarWords: (layout, query) => ask((id) => ({ id, method: 'similarWords', layout, query })),
    async close() {
      await worker?.terminate();
    },
  };
}
