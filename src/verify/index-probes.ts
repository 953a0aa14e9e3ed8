import { randomUUID } from 'node:crypto';
import type { Filter, IndexKeySpec, IndexRow, IndexSpec, RecordStore } from '../ports/record-store.ts';
import { attempt, type Check, must } from './report.ts';

const COUNT = 3;

/** Each key of an index finds what is there, in its order, and nothing else, on a store that may be written to. */
export async function verifyIndex(store: RecordStore, collection: string, index: IndexSpec): Promise<readonly Check[]> {
  const checks: Check[] = [];
  // One after the other: a key without fields counts every record there is.
  for (const key of index.keys) {
    checks.push(
      await attempt(`index ${index.name} finds by ${key.name}`, () => verifyKey(store, collection, index, key)),
    );
  }
  if (index.text !== undefined && store.search !== undefined)
    checks.push(await attempt(`index ${index.name} is searched`, () => verifyTexts(store, collection, index)));
  return checks;
}

/** A word in each of the texts finds the record, the heaviest text first, until it is deleted. */
async function verifyTexts(store: RecordStore, collection: string, index: IndexSpec): Promise<void> {
  const group = randomUUID();
  const word = `w${group.replaceAll('-', '')}`;
  const texts = (index.text ?? []).toSorted((a, b) => b.weight - a.weight);
  const nothing = rowOf(index, { name: '', fields: [], sort: [], unique: false }, group, 0);
  const puts = texts.map(({ column }, rank) => ({
    collection,
    key: `verify/${group}/${rank}`,
    value: '{}',
    expiresAt: null,
    rows: { [index.name]: { ...nothing, [column]: index.arrays.includes(column) ? [word] : word } },
  }));
  const commit = { id: randomUUID(), checks: [], puts: [], deletes: [], events: [] };
  const find = async () => {
    const query = { similar: null, where: [], limit: 100, after: null, wantsTotal: true, facets: [] };
    const page = await store.search?.({ ...query, collection, index: index.name, text: word });
    return [page?.total, ...(page?.hits ?? []).map(({ key }) => key)].join();
  };
  // A unique key may let only one of them in at a time.
  const unique = index.keys.some((key) => key.unique);
  for (const put of unique ? puts : [null]) {
    const written = put === null ? puts : [put];
    must((await store.commit({ ...commit, id: randomUUID(), puts: written })).ok, 'The records could not be written');
    try {
      const expected = [written.length, ...written.map(({ key }) => key)].join();
      const found = await find();
      must(found === expected, `Found ${found} instead of ${expected}`);
    } finally {
      const deletes = written.map(({ key }) => ({ collection, key }));
      await store.commit({ ...commit, id: randomUUID(), deletes });
    }
  }
  must((await find()) === '0', 'Deleted records are still found');
}

async function verifyKey(store: RecordStore, collection: string, index: IndexSpec, key: IndexKeySpec): Promise<void> {
  const group = randomUUID();
  const count = key.unique ? 1 : COUNT;
  // Later records sort first in descending columns, so that the order of keys alone does not do.
  const records = Array.from({ length: count }, (_, rank) => ({
    key: `verify/${group}/${rank}`,
    row: rowOf(index, key, group, rank),
  }));
  const stranger = { key: `verify/${group}/stranger`, row: rowOf(index, key, randomUUID(), 0) };
  const put = (list: readonly { readonly key: string; readonly row: IndexRow }[]) =>
    store.commit({
      id: randomUUID(),
      checks: [],
      puts: list.map((record) => ({
        collection,
        key: record.key,
        value: '{}',
        expiresAt: null,
        rows: { [index.name]: record.row },
      })),
      deletes: [],
      events: [],
    });
  const where = key.fields.map((column): Filter => {
    const isArray = index.arrays.includes(column);
    return isArray ? { column, op: 'any', values: [group] } : { column, op: 'eq', value: group };
  });
  const find = async (limit: number) => {
    const query = { collection, index: index.name, where, order: key.sort, limit, after: null };
    const page = await store.query(query);
    return { keys: page.records.map((record) => record.key), more: page.more };
  };

  must((await put([...records, stranger])).ok, 'The records could not be written');
  try {
    const expected = records.map((record) => record.key);
    if (key.sort.find(({ column }) => !key.fields.includes(column))?.descending === true) expected.reverse();
    const strangers = key.fields.length === 0 ? 1 : 0;
    const found = (await find(1000)).keys.filter((own) => own !== stranger.key);
    must(found.join() === expected.join(), `Found ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
    const total = await store.count({ collection, index: index.name, where });
    must(total === expected.length + strangers, `Counted ${total} instead of ${expected.length + strangers}`);
    if (!key.unique) must((await find(1)).more, 'A page of one does not say that there are more');
    else {
      const second = await put([{ key: `verify/${group}/second`, row: rowOf(index, key, group, 1) }]);
      must(!second.ok && second.reason === 'unique', 'A second record with the unique key was written');
    }
  } finally {
    const deletes = [...records, stranger].map((record) => ({ collection, key: record.key }));
    await store.commit({ id: randomUUID(), checks: [], puts: [], deletes, events: [] });
  }
  must((await find(1000)).keys.length === 0, 'Deleted records are still found');
}

/** A row of the group: its name in the fields of the key, its rank everywhere else. */
function rowOf(index: IndexSpec, key: IndexKeySpec, group: string, rank: number): IndexRow {
  const cellOf = (column: string) => (key.fields.includes(column) ? group : `${group}${rank}`);
  return Object.fromEntries([
    ...(index.text ?? []).map(({ column }) => [column, null]),
    ...index.columns.map((column) => [column, cellOf(column)]),
    ...index.arrays.map((column) => [column, [cellOf(column)]]),
  ]);
}
