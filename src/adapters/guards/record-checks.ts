import { RegistryError } from '../../errors/registry-error.ts';
import type { SearchQuery, SimilarQuery } from '../../ports/record-search.ts';
import type {
  CollectionSpec,
  Commit,
  CountQuery,
  Filter,
  IndexQuery,
  IndexRow,
  IndexRows,
  IndexSpec,
  ListQuery,
  ProjectRecord,
  Scalar,
} from '../../ports/record-store.ts';
import { isStorableText } from '../../ports/scalar-text.ts';
import { MAX_TEXTS, MAX_WEIGHT, MAX_WEIGHTS, textClasses } from '../../ports/search-terms.ts';
import { whenReady } from '../../shared/maybe-promise.ts';

const MAX_LIMIT = 10_000;
const MAX_KEY_BYTES = 1024;
const MAX_ID_LENGTH = 200;
/**
 * What an index takes of one record, in bytes of UTF-8: all its columns, and of each list the longest element. With the record's key it fits an
 * entry of a PostgreSQL index, which is a third of a page (postgresql.org, 64.1.4.2), whichever of them the entry has.
 */
const MAX_ROW_BYTES = 1536;
/** What an entry has besides for each column; a column that is no text takes three times as much. */
const COLUMN_BYTES = 8;

/** The checks that need to know the collections. They grow with each `learn`. */
export interface RecordChecks {
  /** Whether the specs make sense; does not keep them. */
  collections(specs: readonly CollectionSpec[]): void;
  learn(specs: readonly CollectionSpec[]): void;
  collection(name: string): void;
  list(query: ListQuery): void;
  query(query: IndexQuery): void;
  count(query: CountQuery): void;
  search(query: SearchQuery): void;
  similar(query: SimilarQuery): void;
  commit(commit: Commit): void;
  /** Checks the rows that a projection makes for collections that are not learnt yet, and says of which record they are. */
  projecting(specs: readonly CollectionSpec[], project: ProjectRecord): ProjectRecord;
}

export function createRecordChecks(maxValueBytes: number | null): RecordChecks {
  const known = new Map<string, ReadonlyMap<string, IndexShape>>();

  const indexesOf = (collection: string): ReadonlyMap<string, IndexShape> =>
    known.get(collection) ?? misuse(`There is no collection "${collection}" in the store`);
  const collection = (name: string): void => void indexesOf(name);

  function list(query: ListQuery): void {
    collection(query.collection);
    checkPrefix(query.prefix);
    if (query.after !== null) checkKey(query.after);
    checkLimit(query.limit);
  }

  function count(query: CountQuery): void {
    const shape = indexesOf(query.collection).get(query.index);
    if (shape === undefined) misuse(`There is no index "${query.index}" of collection "${query.collection}"`);
    for (const filter of query.where) checkFilter(filter, shape);
  }

  function query(query: IndexQuery): void {
    count(query);
    checkLimit(query.limit);
    const shape = indexesOf(query.collection).get(query.index);
    for (const { column } of query.order) if (!shape?.columns.has(column)) noColumn(query.index, column);
    if (query.after === null) return;
    checkKey(query.after.key);
    if (query.after.values.length !== query.order.length)
      misuse('A position has one value for each column of the order');
    query.after.values.forEach(checkScalar);
  }

  function similar(query: SimilarQuery): void {
    const shape = indexesOf(query.collection).get(query.index);
    if (shape === undefined || shape.texts.size === 0)
      misuse(`There are no texts in an index "${query.index}" of collection "${query.collection}"`);
    if (!isStorableText(query.text)) refuse('What is searched for may hold neither NUL nor half a surrogate pair');
  }

  function search(query: SearchQuery): void {
    count(query);
    similar(query);
    checkLimit(query.limit);
    const shape = indexesOf(query.collection).get(query.index);
    for (const { column, limit } of query.facets) {
      if (!shape?.columns.has(column) && !shape?.arrays.has(column)) noColumn(query.index, column);
      checkLimit(limit);
    }
    if (query.after === null) return;
    checkKey(query.after.key);
    if (!Number.isSafeInteger(query.after.score)) misuse('The score of a position is a whole number');
  }

  function commit(asked: Commit): void {
    if (asked.id === '' || asked.id.length > MAX_ID_LENGTH) misuse('A commit needs an id of at most 200 characters');
    for (const check of asked.checks) {
      if (check.kind === 'list') list(check.query);
      else if (check.kind === 'query') query(check.query);
      else if (check.kind === 'count') count(check.query);
      else {
        collection(check.collection);
        checkKey(check.key);
      }
    }
    const written = new Set<string>();
    for (const write of [...asked.puts, ...asked.deletes]) {
      checkKey(write.key);
      const id = `${write.collection}\0${write.key}`;
      if (written.has(id)) misuse(`A commit writes "${write.key}" of "${write.collection}" twice`);
      written.add(id);
    }
    for (const { collection } of asked.deletes) indexesOf(collection);
    for (const put of asked.puts) {
      checkRows(put.rows, indexesOf(put.collection), put.collection);
      if (put.expiresAt !== null && !Number.isSafeInteger(put.expiresAt))
        misuse('A record expires at a whole millisecond');
      if (maxValueBytes !== null && Buffer.byteLength(put.value) > maxValueBytes) {
        throw new RegistryError('DOCUMENT_TOO_LARGE', {
          message: `A document may have ${maxValueBytes} bytes at most in this store`,
        });
      }
    }
  }

  return {
    collections: (specs) => void specs.map(shapesOf),
    learn: (specs) => {
      for (const spec of specs) known.set(spec.name, shapesOf(spec));
    },
    collection,
    list,
    query,
    count,
    search,
    similar,
    commit,
    projecting(specs, project) {
      const shapes = new Map(specs.map((spec) => [spec.name, shapesOf(spec)]));
      return (collection, key, value) =>
        whenReady(project(collection, key, value), (rows) => {
          try {
            checkRows(rows, shapes.get(collection) ?? new Map(), collection);
          } catch (thrown) {
            throw ofRecord(thrown, collection, key);
          }
          return rows;
        });
    },
  };
}

function ofRecord(thrown: unknown, collection: string, key: string): unknown {
  if (!(thrown instanceof RegistryError)) return thrown;
  return new RegistryError(thrown.code, {
    message: `${thrown.message} (record "${key}" of "${collection}")`,
    cause: thrown,
  });
}

/** Refuses a key that is empty, longer than 1024 bytes, or not storable. */
export function checkKey(key: string): void {
  if (key === '') refuse('A record key may not be empty');
  checkPrefix(key);
}

/** A page or batch has 1 to 10000 entries. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) refuse(`A limit lies between 1 and ${MAX_LIMIT}`);
}

function checkPrefix(prefix: string): void {
  if (!isStorableText(prefix)) refuse('A record key may hold neither NUL nor half a surrogate pair');
  // A UTF-16 code unit takes three bytes at most.
  if (prefix.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(prefix) > MAX_KEY_BYTES) {
    refuse(`A record key may have ${MAX_KEY_BYTES} bytes at most`);
  }
}

interface IndexShape {
  readonly name: string;
  readonly columns: ReadonlySet<string>;
  readonly arrays: ReadonlySet<string>;
  readonly texts: ReadonlySet<string>;
}

function shapesOf(spec: CollectionSpec): ReadonlyMap<string, IndexShape> {
  return new Map(spec.indexes.map((index) => [index.name, shapeOf(index)]));
}

function shapeOf(index: IndexSpec): IndexShape {
  const columns = new Set(index.columns);
  const arrays = new Set(index.arrays);
  const all = new Set([...columns, ...arrays]);
  if (all.size !== index.columns.length + index.arrays.length)
    misuse(`A column of index "${index.name}" is listed twice`);
  if (new Set(index.keys.map(({ name }) => name)).size !== index.keys.length)
    misuse(`Two keys of index "${index.name}" share a name`);
  for (const key of index.keys) {
    for (const field of key.fields) if (!all.has(field)) noColumn(index.name, field);
    if (key.unique && key.fields.filter((field) => arrays.has(field)).length > 1) {
      misuse(`The unique key "${key.name}" of index "${index.name}" has more than one list among its fields`);
    }
    for (const { column } of key.sort) if (!columns.has(column)) noColumn(index.name, column);
  }
  return { name: index.name, columns, arrays, texts: textsOf(index) };
}

function textsOf({ name, text = [] }: IndexSpec): ReadonlySet<string> {
  const texts = new Set(text.map(({ column }) => column));
  if (texts.size !== text.length) misuse(`A text of index "${name}" is listed twice`);
  if (text.length > MAX_TEXTS) misuse(`The index "${name}" has more than ${MAX_TEXTS} texts`);
  if (!text.every(({ weight }) => weight > 0 && weight <= MAX_WEIGHT))
    misuse(`A text of index "${name}" has no weight above 0 and up to ${MAX_WEIGHT}`);
  if (textClasses(text).length > MAX_WEIGHTS)
    misuse(`The texts of index "${name}" have more than ${MAX_WEIGHTS} different weights`);
  return texts;
}

function checkFilter(filter: Filter, shape: IndexShape): void {
  const isForArrays = filter.op === 'any' || filter.op === 'all';
  if (!(isForArrays ? shape.arrays : shape.columns).has(filter.column)) noColumn(shape.name, filter.column);
  if ('values' in filter) filter.values.forEach(checkScalar);
  else checkScalar(filter.value);
}

function checkRows(rows: IndexRows, shapes: ReadonlyMap<string, IndexShape>, collection: string): void {
  for (const [name, row] of Object.entries(rows)) {
    const shape = shapes.get(name);
    if (shape === undefined) misuse(`There is no index "${name}" of collection "${collection}"`);
    let bytes = 0;
    for (const column of shape.columns) {
      const value = row[column];
      if (value === undefined || isList(value))
        misuse(`A row of index "${name}" needs one value in column "${column}"`);
      checkScalar(value);
      bytes += mostBytes(value);
    }
    for (const column of shape.arrays) {
      const values = row[column];
      if (values === undefined || !isList(values))
        misuse(`A row of index "${name}" needs a list in column "${column}"`);
      values.forEach(checkScalar);
      bytes += longest(values, mostBytes);
    }
    if (bytes > MAX_ROW_BYTES) checkSize(row, shape);
    // What is in a text besides words does not matter: it is taken apart before it is stored.
    for (const column of shape.texts)
      if (row[column] === undefined) misuse(`A row of index "${name}" needs a text or null in column "${column}"`);
  }
}

function checkSize(row: IndexRow, { name, columns, arrays }: IndexShape): void {
  let bytes = 0;
  for (const column of [...columns, ...arrays]) {
    const value = row[column] ?? null;
    bytes += isList(value) ? longest(value, exactBytes) : exactBytes(value);
  }
  if (bytes <= MAX_ROW_BYTES) return;
  const fields = [...columns, ...arrays].map((column) => `"${column}"`).join(', ');
  refuse(
    `The index "${name}" takes ${MAX_ROW_BYTES} bytes of a record in all its fields (${fields}), of a list the longest element, and here they have ${bytes}`,
  );
}

function longest(values: readonly Scalar[], bytesOf: (value: Scalar) => number): number {
  let most = 0;
  for (const value of values) most = Math.max(most, bytesOf(value));
  return most;
}

/** As many as a scalar can take: a UTF-16 code unit three. */
function mostBytes(value: Scalar): number {
  return COLUMN_BYTES + (typeof value === 'string' ? value.length * 3 : 2 * COLUMN_BYTES);
}

function exactBytes(value: Scalar): number {
  return COLUMN_BYTES + (typeof value === 'string' ? Buffer.byteLength(value) : 2 * COLUMN_BYTES);
}

/** `Array.isArray` does not tell a read-only list from the rest. */
function isList(value: Scalar | readonly Scalar[]): value is readonly Scalar[] {
  return Array.isArray(value);
}

function checkScalar(value: Scalar): void {
  if (typeof value === 'string') {
    if (!isStorableText(value)) refuse('A text that is indexed may hold neither NUL nor half a surrogate pair');
  } else if (typeof value === 'number' && !Number.isFinite(value)) refuse('A number that is indexed must be finite');
}

function noColumn(index: string, column: string): never {
  misuse(`Index "${index}" has no column "${column}" for this use`);
}

/** Trouble that a client's values can cause. */
function refuse(message: string): never {
  throw new RegistryError('VALUE_INVALID', { message });
}

/** Trouble that only the engine can cause. */
function misuse(message: string): never {
  throw new RegistryError('INTERNAL', { message });
}
