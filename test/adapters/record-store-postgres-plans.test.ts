import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgresRecordStore } from '../../src/adapters/record-store/postgres.ts';
import { SESSION_SETTINGS } from '../../src/adapters/record-store/postgres-settings.ts';
import { postgresDialect, statement } from '../../src/adapters/record-store/postgres-statement.ts';
import { layoutCollection } from '../../src/adapters/record-store/sql-layout.ts';
import { positionValues, selectPage } from '../../src/adapters/record-store/sql-page.ts';
import { planQuery, selectCount } from '../../src/adapters/record-store/sql-query.ts';
import type { Bindings, BoundValue, Fragment } from '../../src/adapters/record-store/sql-statement.ts';
import type { SearchQuery } from '../../src/ports/record-search.ts';
import type { Filter, Order, RecordStore, StoreWork } from '../../src/ports/record-store.ts';
import { claim, ITEMS, item, write } from '../conformance/record-fixture.ts';
import { PAPERS, paper, searchOf } from '../conformance/record-search-fixture.ts';
import { describePostgres, makeSchema } from '../support/shared-postgres.ts';

/** A node of a plan, as `EXPLAIN (FORMAT JSON)` has it. */
interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

const RECORDS = 6000;
const LIMIT = 10;

/** Makes parallel plans look as good as they do where tables have millions of rows. */
const TEMPTING = {
  parallel_setup_cost: '0',
  parallel_tuple_cost: '0',
  min_parallel_table_scan_size: '0',
  min_parallel_index_scan_size: '0',
};

const layout = layoutCollection(ITEMS).indexes.get('items.all')!;
const down: Order = { column: 'rank', descending: true };
const up: Order = { column: 'rank', descending: false };
const byName = { column: 'name', op: 'eq', value: 'popular' } as const;
const oneOf = (column: string, ...values: string[]) => ({ column, op: 'in', values }) as const;
const tagged = (...values: string[]) => ({ column: 'tags', op: 'any', values }) as const;

/** Queries whose order an index has, and the index. */
const WALKS: readonly [string, readonly Filter[], readonly Order[], string][] = [
  ['the key of a record', [], [], '_pkey'],
  ['a key and its order', [byName], [down], '_k0'],
  ['a key, its order and a range of it', [byName, { column: 'rank', op: 'gt', value: 3 }], [down], '_k0'],
  ['an order alone', [], [down, { column: 'name', descending: false }], '_k1'],
  [
    'a range of an order',
    [{ column: 'rank', op: 'lt', value: 900 }],
    [down, { column: 'name', descending: false }],
    '_k1',
  ],
  ['an element', [tagged('all')], [], '_a0_v'],
  ['an element and its order', [tagged('all')], [up], '_a0_k2'],
  [
    'an element among other fields',
    [tagged('all'), { column: 'flag', op: 'eq', value: true }],
    [{ column: 'name', descending: true }],
    '_a0_k3',
  ],
  ['all of two elements', [{ column: 'tags', op: 'all', values: ['all', 1] }], [up], '_a0_k2'],
  ['several values of a key and its order', [oneOf('name', 'popular', 'n7', 'n9')], [down], '_k0'],
  ['one of several elements and its order', [tagged('all', 'none', 'n7')], [up], '_a0_k2'],
];

/** Queries whose order no index has. */
const SORTS: readonly [string, readonly Filter[], readonly Order[]][] = [
  ['a prefix', [{ column: 'name', op: 'prefix', value: 'n5' }], [up]],
  [
    'an order that is not the key’s',
    [{ column: 'name', op: 'eq', value: 'n5' }],
    [{ column: 'flag', descending: true }],
  ],
  ['an element that has no key', [{ column: 'marks', op: 'any', values: [7] }], [up]],
  [
    'an order that a rare name would have to be looked for in',
    [oneOf('name', 'n5', 'n6')],
    [{ column: 'flag', descending: false }],
  ],
];

describePostgres('query plans of PostgreSQL', (server) => {
  let store: RecordStore;
  let client: Client;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    const { url } = server;
    const schema = makeSchema(url);
    remove = schema.remove;
    store = openPostgresRecordStore({ url, schema: schema.name, poolSize: 5 });
    await store.migrate([ITEMS, PAPERS], () => ({}));
    client = new Client({ connectionString: url });
    await client.connect();
    for (const [name, value] of Object.entries({ ...TEMPTING, ...SESSION_SETTINGS, search_path: schema.name }))
      await client.query(`SET ${name} = ${value}`);
  });
  afterAll(async () => {
    await client.end();
    await store.close();
    await remove();
  });

  /** Half of all have one name and all have one tag, the others are rare: what the planner expects is wrong either way. */
  async function fill(): Promise<void> {
    const batch = 1000;
    for (let from = 0; from < RECORDS; from += batch) {
      const puts = Array.from({ length: batch }, (_, at) => {
        const place = from + at;
        const name = place % 2 === 0 ? 'popular' : `n${place}`;
        const tags = ['all', place % 4, `n${place}`];
        return item(`k${place}`, { name, rank: (place * 7) % 1000, flag: place % 3 === 0, tags, marks: [place % 500] });
      });
      await write(store, { puts });
    }
    await write(store, {
      puts: Array.from({ length: 500 }, (_, place) =>
        paper(`p${place}`, { title: `word n${place}`, kind: place % 3, tags: ['t'] }),
      ),
    });
    await write(store, { puts: [claim('c', { owner: 'o', slot: 1, aliases: ['a'] })] });
    // As the server does by itself, soon after much was written.
    await client.query('ANALYZE');
  }

  /** What a connection of the store does for a statement: planned once, without looking at values or limits. */
  async function nodesOf(fragment: Fragment, values: Bindings, isRun: boolean): Promise<readonly PlanNode[]> {
    const { text, bind } = statement(fragment);
    return explained(text, bind({ ...values, collection: 'items', limit: LIMIT }), isRun);
  }

  async function explained(text: string, values: readonly BoundValue[], isRun: boolean): Promise<readonly PlanNode[]> {
    await client.query(`PREPARE asked AS ${text}`);
    const list = values.length === 0 ? '' : `(${values.map(literal).join()})`;
    const { rows } = await client.query(`EXPLAIN (FORMAT JSON${isRun ? ', ANALYZE' : ''}) EXECUTE asked${list}`);
    await client.query('DEALLOCATE asked');
    return allNodes(rows[0]['QUERY PLAN'][0].Plan);
  }

  /** The first page and the one after a position. */
  async function pagesOf(
    where: readonly Filter[],
    order: readonly Order[],
    isRun: boolean,
  ): Promise<readonly (readonly PlanNode[])[]> {
    const { source, values } = planQuery(layout, where, 0, order);
    if (source === null) throw new Error('The query matches nothing');
    const after = positionValues({ values: order.map(({ column }) => MIDDLE[column] ?? null), key: 'k3' });
    return [
      await nodesOf(selectPage(postgresDialect, source, order, false), values, isRun),
      await nodesOf(selectPage(postgresDialect, source, order, true), { ...values, ...after }, isRun),
    ];
  }

  describe.each([
    { state: 'of empty tables that nobody has looked at', isFilled: false },
    { state: 'of many records', isFilled: true },
  ])('$state', ({ isFilled }) => {
    beforeAll(async () => {
      if (isFilled) await fill();
    });

    it.each(WALKS)('walk along the index for %s, and sort no more than was cut', async (_, where, order, index) => {
      for (const nodes of await pagesOf(where, order, isFilled)) {
        refuseScans(nodes);
        for (const node of nodes.filter((one) => one['Node Type'] === 'Sort')) expect(isOfFew(node)).toBe(true);
        expect(nodes.map((node) => node['Index Name'])).toContain(`${layout.table}${index}`);
        expect(nodes.some(isRecordLookup)).toBe(true);
        if (isFilled) expect(rowsRead(nodes)).toBeLessThan(20 * LIMIT);
      }
    });

    it.each(SORTS)('find and sort for %s, going through no table', async (_, where, order) => {
      for (const nodes of await pagesOf(where, order, isFilled)) {
        refuseScans(nodes);
        expect(nodes.filter(isWholeIndex)).toEqual([]);
        if (isFilled) expect(rowsRead(nodes)).toBeLessThan(RECORDS / 2);
      }
    });

    it.each(WALKS.filter(([, where]) => where.length > 0))('count by an index for %s', async (_, where) => {
      const { source, values } = planQuery(layout, where, 0);
      if (source === null) throw new Error('The query matches nothing');
      const nodes = await nodesOf(selectCount(postgresDialect, source), values, false);
      refuseScans(nodes);
    });

    it.each<[string, StoreWork]>([
      ['a record', { kind: 'get', collection: 'items' }],
      ['records', { kind: 'getMany', collection: 'items' }],
      ['keys', { kind: 'list', query: { collection: 'items', prefix: 'k', after: null, limit: 9 } }],
      ['keys after one', { kind: 'list', query: { collection: 'items', prefix: 'k', after: 'k3', limit: 9 } }],
      ['a put', { kind: 'put', collection: 'items' }],
      ['a delete', { kind: 'delete', collection: 'items' }],
      ['an event', { kind: 'event' }],
    ])('look up %s by keys', async (_, work) => {
      for (const text of store.explain?.(work) ?? []) {
        const nodes = await explained(text, nothings(text), false);
        refuseScans(nodes);
        expect(nodes.filter(({ 'Node Type': type }) => type === 'Sort')).toEqual([]);
        expect(nodes.filter(isWholeIndex)).toEqual([]);
      }
    });

    it.each<[string, Partial<SearchQuery>]>([
      ['words', {}],
      ['what comes after a hit', { after: { score: 5, key: 'k' } }],
      ['the total and facets', { wantsTotal: true, facets: ['kind', 'tags'].map((column) => ({ column, limit: 5 })) }],
      ['words under a filter', { where: [{ column: 'kind', op: 'eq', value: 1 }] }],
    ])('search for %s', async (_, asked) => {
      const [text = ''] = store.explain?.({ kind: 'search', query: searchOf('one two', asked) }) ?? [];
      const nodes = await explained(text, nothings(text), false);
      refuseScans(nodes);
      expect(nodes.filter(isWholeIndex)).toEqual([]);
      expect(nodes.some((node) => /_s_t$/.test(node['Index Name'] ?? ''))).toBe(true);
      expect(nodes.some(isRecordLookup)).toBe(true);
    });

    it('look up what has expired', async () => {
      const text = `SELECT collection, key FROM records
        WHERE expires_at <= $1 AND expires_at < ${Number.MAX_SAFE_INTEGER} ORDER BY expires_at LIMIT $2`;
      const names = (await explained(text, nothings(text), false)).flatMap((node) => node['Index Name'] ?? []);
      expect(names).toEqual(['records_expiring']);
    });
  });
});

/** Of what the order's columns hold, something in the middle. */
const MIDDLE: Readonly<Record<string, string | number | boolean>> = { rank: 500, name: 'n3', flag: true };

function literal(value: BoundValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'object') return `ARRAY[${value.map(literal).join()}]::text[]`;
  return `'${String(value).replaceAll("'", "''")}'`;
}

/** As many nulls as a statement has parameters. */
function nothings(text: string): readonly null[] {
  const numbers = [...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number));
  return Array.from({ length: Math.max(0, ...numbers) }, () => null);
}

function allNodes(node: PlanNode): readonly PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(allNodes)];
}

/** No table is gone through, and no other process is started for what takes less time than that. */
function refuseScans(nodes: readonly PlanNode[]): void {
  expect(nodes.filter(({ 'Node Type': type }) => /^(Seq Scan|Gather)/.test(type))).toEqual([]);
}

function isWholeIndex(node: PlanNode): boolean {
  return /^Index( Only)? Scan$/.test(node['Node Type']) && node['Index Cond'] === undefined;
}

function isRecordLookup(node: PlanNode): boolean {
  return node['Index Name'] === 'records_pkey' && /collection = .*key = /.test(node['Index Cond'] ?? '');
}

/** Whether a sort sees what was cut before, not all that fits. */
function isOfFew(sort: PlanNode): boolean {
  return (sort.Plans ?? []).every(
    (below) => below['Node Type'] === 'Limit' || (/Append$|Aggregate|Group/.test(below['Node Type']) && isOfFew(below)),
  );
}

/** Rows of tables that were looked at. */
function rowsRead(nodes: readonly PlanNode[]): number {
  return nodes
    .filter((node) => 'Relation Name' in node)
    .map((node) => ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0)) * (node['Actual Loops'] ?? 0))
    .reduce((sum, rows) => sum + rows, 0);
}
