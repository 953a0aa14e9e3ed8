import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { CollectionSpec, IndexKeySpec, IndexSpec } from '../../ports/record-store.ts';
import { type TextClass, textClasses } from '../../ports/search-terms.ts';
import { type Fragment, type SqlDialect, sequenceOf } from './sql-statement.ts';

/** What stands in `expires_at` of a record that never expires: larger than every time. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * How the tables of indexes are made. Those of another form are filled anew beside the old ones, as if the index had been declared anew. In form 1
 * database indexes ended with the record's key: a page looked into the table for when rows expire, and then for their records by key. In form 2
 * SQLite knew a record's number, but tied tables by its key. In form 3 a walk along the elements of a list looked into the table for whether a row fits
 * another filter, and the values of facets were looked up hit by hit. In form 4 SQLite wrote each text to its text index at once, each main table had a database index of keys, and each
 * side table one beside its primary key.
 */
const FORM = 5;

/**
 * The tables of one index. The main table has a row for each record that is in the index; a side table, one for each array column,
 * has a row for each element, with the scalar columns repeated, so that a lookup by an element needs no join and no sort.
 *
 * A table's name is a hash of everything that decides its content: a changed index has other tables, which are filled beside the
 * old ones. Columns are numbered. Declared names never stand in SQL.
 */
export interface IndexLayout {
  readonly spec: IndexSpec;
  /** Whether its tables are made as this release makes them; if not, nobody reads or writes them any more. */
  readonly isCurrent: boolean;
  readonly table: string;
  /** Column in the tables by declared scalar column. */
  readonly columns: ReadonlyMap<string, string>;
  /** Side table by declared array column. */
  readonly sides: ReadonlyMap<string, string>;
  /** Null where no column is searched. */
  readonly search: SearchLayout | null;
}

/** The tables by which the texts of an index are searched. Which of them there are, and what is in them, is the database's own affair. */
export interface SearchLayout {
  readonly classes: readonly TextClass[];
  /** A row for each record that has words: its `key`, what a find in each class is worth (`p0`, `p1`, ...), `expires_at`. */
  readonly records: string;
  /** Which records have which terms, where that stands apart from them. */
  readonly terms: string;
  /** The terms of a few records that are not there yet. */
  readonly waiting: string;
  /** The words that records have or had, each once. */
  readonly words: string;
  /** Which words have which trigrams, where that stands apart from them. */
  readonly trigrams: string;
}

export interface CollectionLayout {
  readonly name: string;
  readonly spec: CollectionSpec;
  /** The spec as text: what is compared to tell whether it changed. */
  readonly text: string;
  readonly indexes: ReadonlyMap<string, IndexLayout>;
  /** Where migration notes which records, in which version, are in the new indexes. */
  readonly staging: string;
}

/**
 * Column of an array as a whole: in the records' table of a search, which has all columns of the index so that hits are counted as they are found,
 * and in a main table where the dialect asks for it.
 */
export const listColumn = (place: number): string => `a${place}`;

/** What a collection's tables are to be. */
export function layoutCollection(spec: CollectionSpec): CollectionLayout {
  return layoutOf(spec, FORM);
}

/** What they are, by the text of the layout that they were made from. */
export function storedLayout(text: string): CollectionLayout {
  const { form = 1, ...spec }: CollectionSpec & { readonly form?: number } = JSON.parse(text);
  return layoutOf(spec, form);
}

function layoutOf(spec: CollectionSpec, form: number): CollectionLayout {
  const formed = form === 1 ? {} : { form };
  const text = JSON.stringify({ ...formed, name: spec.name, indexes: spec.indexes.map(canonical) });
  return {
    name: spec.name,
    spec,
    text,
    indexes: new Map(spec.indexes.map((index) => [index.name, layoutIndex(spec.name, index, form)])),
    staging: `f_${hash(text)}`,
  };
}

function layoutIndex(collection: string, spec: IndexSpec, form: number): IndexLayout {
  const formed = form === 1 ? [] : [form];
  const table = `i_${hash(JSON.stringify([...formed, collection, canonical(spec)]))}`;
  return {
    spec,
    isCurrent: form === FORM,
    table,
    columns: new Map(spec.columns.map((column, place) => [column, `c${place}`])),
    sides: new Map(spec.arrays.map((column, place) => [column, `${table}_a${place}`])),
    search: layoutSearch(table, spec),
  };
}

function layoutSearch(table: string, { text = [] }: IndexSpec): SearchLayout | null {
  if (text.length === 0) return null;
  return {
    classes: textClasses(text),
    records: `${table}_s`,
    terms: `${table}_t`,
    waiting: `${table}_p`,
    words: `${table}_w`,
    trigrams: `${table}_g`,
  };
}

/** The same spec in one order of members, so that equal specs make equal texts. */
function canonical({ name, columns, arrays, text = [], keys, isPartial, revision }: IndexSpec): IndexSpec {
  return {
    name,
    columns,
    arrays,
    ...(text.length === 0 ? {} : { text: text.map(({ column, weight }) => ({ column, weight })) }),
    keys: keys.map(({ name, fields, sort, unique }) => ({
      name,
      fields,
      sort: sort.map(({ column, descending }) => ({ column, descending })),
      unique,
    })),
    ...(isPartial === true ? { isPartial } : {}),
    revision,
  };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 24);
}

/** The tables whose rows belong to the record of their `key`. */
export function tablesOf(layout: IndexLayout): readonly string[] {
  return [layout.table, ...layout.sides.values(), ...(layout.search === null ? [] : [layout.search.records])];
}

/** All tables that an index may have. */
export function allTablesOf(layout: IndexLayout): readonly string[] {
  const { search } = layout;
  return [
    ...tablesOf(layout),
    ...(search === null ? [] : [search.terms, search.waiting, search.words, search.trigrams]),
  ];
}

/**
 * Creates an index's tables with one database index for each key, which has all that a page or a count asks of it. Does nothing where they
 * exist.
 */
export function createIndexTables(layout: IndexLayout, dialect: SqlDialect): readonly Fragment[] {
  const { text, integer, isByElement } = dialect;
  const scalars = [...layout.columns.values()].map((column) => sql`${sql.ref(column)} ${text} NOT NULL, `);
  const lists = isByElement ? [...layout.sides.keys()] : [];
  const carried = lists.map((_, place) => sql`, ${sql.ref(listColumn(place))} ${text} NOT NULL`);
  const statements: Fragment[] = [
    sql`CREATE TABLE IF NOT EXISTS ${sql.table(layout.table)} (${dialect.mainKey}, ${sequenceOf(scalars)}expires_at ${integer} NOT NULL${sequenceOf(carried)})`,
  ];
  // The keys of most records, or of all, are walked along where the records are.
  if (dialect.tie !== 'key' && layout.spec.isPartial === true)
    statements.push(
      sql`CREATE INDEX IF NOT EXISTS ${sql.id(`${layout.table}_key`)} ON ${sql.table(layout.table)} ${dialect.covering([sql`key`])}`,
    );
  for (const side of layout.sides.values()) {
    const end = isByElement ? sql`PRIMARY KEY (value, key)) WITHOUT ROWID` : sql`PRIMARY KEY (key, value))`;
    statements.push(
      sql`CREATE TABLE IF NOT EXISTS ${sql.table(side)} (${dialect.sideKey}, value ${text} NOT NULL, ${sequenceOf(scalars)}expires_at ${integer} NOT NULL, ${end}`,
    );
    if (!isByElement)
      statements.push(
        sql`CREATE INDEX IF NOT EXISTS ${sql.id(`${side}_v`)} ON ${sql.table(side)} ${dialect.covering([sql`value`, sql`key`])}`,
      );
  }
  for (const [place, key] of layout.spec.keys.entries()) {
    const arrays = key.fields.filter((field) => layout.sides.has(field));
    if (arrays.length === 0) statements.push(createKey(dialect, layout, key, layout.table, place, null));
    for (const array of arrays) {
      statements.push(createKey(dialect, layout, key, layout.sides.get(array) ?? '', place, array));
    }
  }
  return statements;
}

/**
 * The database index of one key: the fields, the order, and the record's key. In a side table the element stands for `array`, and the columns
 * with which other keys begin are at hand.
 */
function createKey(
  dialect: SqlDialect,
  layout: IndexLayout,
  key: IndexKeySpec,
  table: string,
  place: number,
  array: string | null,
): Fragment {
  const terms: RawBuilder<unknown>[] = [];
  const taken = new Set<string>();
  const add = (column: string | undefined, direction = sql``): void => {
    if (column === undefined || taken.has(column)) return;
    taken.add(column);
    terms.push(sql`${sql.ref(column)}${direction}`);
  };
  for (const field of key.fields) add(field === array ? 'value' : layout.columns.get(field));
  for (const { column, descending } of key.sort) add(layout.columns.get(column), descending ? sql` DESC` : sql``);
  add('key');
  const ordered = terms.splice(0);
  // Rows with an element may be walked past until some fit another filter: without looking into the table, where each lies in another place.
  if (array !== null) for (const { fields } of layout.spec.keys) add(layout.columns.get(fields[0] ?? ''));
  if (array !== null && dialect.isByElement) add(dialect.tie);
  return sql`CREATE INDEX IF NOT EXISTS ${sql.id(`${table}_k${place}`)} ON ${sql.table(table)} ${dialect.covering(ordered, terms)}`;
}

/** The collection's spec as text, in `meta`. */
export function specName(collection: string): string {
  return `collection:${collection}`;
}

/** The staging table of the migration of a collection that is under way, in `meta`. */
export function stagingName(collection: string): string {
  return `staging:${collection}`;
}

/** The tables of an index that is not declared any more, in `meta`: JSON `{ index, tables }`. */
export function unusedName(table: string): string {
  return `unused:${table}`;
}

/** The tables of indexes, those in use and others, that a note in `meta` speaks of. */
export function tablesNoted(name: string, value: string): readonly string[] {
  if (name.startsWith(specName(''))) return [...storedLayout(value).indexes.values()].flatMap(allTablesOf);
  if (name.startsWith(stagingName(''))) return [value];
  if (!name.startsWith(unusedName(''))) return [];
  const { tables }: { readonly tables: readonly string[] } = JSON.parse(value);
  return tables;
}
