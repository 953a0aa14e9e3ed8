import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Check, RecordPut, RecordStore, StoredEvent } from '../../src/ports/record-store.ts';
import { pageFingerprint } from '../../src/ports/record-store.ts';
import { commitOf, item, itemQuery, type RecordSuite } from './record-fixture.ts';

/** What one client does: it looks, thinks, and commits what it wants to write if all that it saw is still so. */
interface Program {
  readonly looks: readonly Look[];
  readonly writes: readonly Write[];
  /** Turns of the event loop between two steps: how the clients interleave. */
  readonly pauses: readonly number[];
}

type Look =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'list'; readonly prefix: string }
  | { readonly kind: 'query' | 'count'; readonly name: string }
  | { readonly kind: 'tagged'; readonly tag: string }
  | { readonly kind: 'ranked' };

interface Write {
  readonly key: string;
  /** Null deletes. */
  readonly row: { readonly name: string; readonly rank: number; readonly tags: readonly string[] } | null;
}

/** A commit that was acknowledged, with what its client had seen. */
interface Done {
  readonly version: number;
  readonly seen: readonly (readonly [Look, unknown])[];
  readonly writes: readonly Write[];
  readonly id: string;
}

type Model = Map<string, NonNullable<Write['row']>>;

const KEYS = ['a1', 'a2', 'a3', 'b1', 'b2', 'c'];
const NAMES = ['m', 'n'];
const TAGS = ['x', 'y'];

const look: fc.Arbitrary<Look> = fc.oneof(
  fc.record({ kind: fc.constant('get' as const), key: fc.constantFrom(...KEYS) }),
  fc.record({ kind: fc.constant('list' as const), prefix: fc.constantFrom('a', 'b', '') }),
  fc.record({ kind: fc.constantFrom('query' as const, 'count' as const), name: fc.constantFrom(...NAMES) }),
  fc.record({ kind: fc.constant('tagged' as const), tag: fc.constantFrom(...TAGS) }),
  fc.constant({ kind: 'ranked' as const }),
);
const row = fc.record({
  name: fc.constantFrom(...NAMES),
  rank: fc.integer({ min: 0, max: 9 }),
  tags: fc.uniqueArray(fc.constantFrom(...TAGS)),
});
const write: fc.Arbitrary<Write> = fc.record({ key: fc.constantFrom(...KEYS), row: fc.option(row, { freq: 3 }) });
/** What is there before anybody comes. */
const beginning = fc.uniqueArray(write, { selector: ({ key }) => key });
const program: fc.Arbitrary<Program> = fc.record({
  looks: fc.array(look, { maxLength: 3 }),
  writes: fc.uniqueArray(write, { minLength: 1, maxLength: 3, selector: ({ key }) => key }),
  pauses: fc.array(fc.nat(3), { maxLength: 4 }),
});

/**
 * Whatever clients do at once, what they saw and wrote is explained by their commits having come one after the other in the order of
 * their versions: lost updates, write skew and phantoms are not. The log has their events in the same order.
 */
export function recordScheduleSuite(suite: RecordSuite, runs: number): void {
  it(`makes concurrent commits serial, in the order of their versions (${runs} schedules)`, async () => {
    const { store } = suite;
    const stores = store.capabilities.shared ? [store, await suite.another()] : [store];
    let round = 0;
    await fc.assert(
      fc.asyncProperty(beginning, fc.array(program, { minLength: 2, maxLength: 12 }), async (first, programs) => {
        const space = `r${++round}/`;
        await store.commit(commitOf({ puts: first.flatMap((one) => putOf(space, one)) }));
        const [last] = (await allEvents(store, 0)).slice(-1);
        const outcomes = await Promise.all(
          programs.map((one, place) => perform(stores[place % stores.length] ?? store, space, one)),
        );
        const done = outcomes.filter((outcome) => outcome !== null).toSorted((a, b) => a.version - b.version);
        const model: Model = new Map(first.flatMap(({ key, row }) => (row === null ? [] : [[key, row]])));
        for (const equals of Map.groupBy(done, ({ version }) => version).values()) {
          explain(model, equals);
          for (const { writes } of equals) apply(model, writes);
        }
        for (const other of stores) {
          const everything = await observe(other, space, { kind: 'list', prefix: '' });
          expect(everything.answer).toEqual(lookAt(model, { kind: 'list', prefix: '' }));
        }
        // Of each client's first commit at least one must have come through: nothing stands still.
        expect(done.length).toBeGreaterThan(0);
        const events = await allEvents(store, last?.position ?? 0);
        const named = ({ id, version }: Pick<Done, 'id' | 'version'>) => `${String(version).padStart(20, '0')} ${id}`;
        expect(events.map(({ version }) => version)).toEqual(done.map(({ version }) => version));
        expect(events.map(named).toSorted()).toEqual(done.map(named).toSorted());
      }),
      { numRuns: runs, ...(process.env.SCHEDULE_SEED ? { seed: Number(process.env.SCHEDULE_SEED) } : {}) },
    );
  }, 120_000);
}

/** Commits of one version have nothing to do with each other: each saw what it would have seen before the others, and after them. */
function explain(model: Model, equals: readonly Done[]): void {
  for (const one of equals) {
    const after: Model = new Map(model);
    for (const { writes } of equals.filter((other) => other !== one)) apply(after, writes);
    for (const before of [model, after]) {
      for (const [looked, answer] of one.seen)
        expect({ looked, answer }).toEqual({ looked, answer: lookAt(before, looked) });
    }
  }
  const keys = equals.flatMap(({ writes }) => writes.map(({ key }) => key));
  expect(keys).toEqual([...new Set(keys)]);
}

function apply(model: Model, writes: readonly Write[]): void {
  for (const { key, row } of writes) {
    if (row === null) model.delete(key);
    else model.set(key, row);
  }
}

/** Null: what it saw had changed. */
async function perform(store: RecordStore, space: string, { looks, writes, pauses }: Program): Promise<Done | null> {
  const checks: Check[] = [];
  const seen: [Look, unknown][] = [];
  for (const [place, one] of looks.entries()) {
    const { check, answer } = await observe(store, space, one);
    checks.push(check);
    seen.push([one, answer]);
    for (let turn = 0; turn < (pauses[place] ?? 0); turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  const id = randomUUID();
  const result = await store.commit(
    commitOf({
      id,
      checks,
      puts: writes.flatMap((one) => putOf(space, one)),
      deletes: writes.flatMap(({ key, row }) => (row === null ? [{ collection: 'items', key: space + key }] : [])),
      events: [{ id, type: 'done', at: '2026-01-01T00:00:00.000Z', payload: '{}' }],
    }),
  );
  if (!result.ok) expect(result.reason).toBe('check');
  return result.ok ? { version: result.version, seen, writes, id } : null;
}

function putOf(space: string, { key, row }: Write): readonly RecordPut[] {
  if (row === null) return [];
  const { name, rank, tags } = row;
  const put = item(space + key, { name: space + name, rank, tags: tags.map((tag) => space + tag), flag: space });
  return [{ ...put, value: JSON.stringify(row) }];
}

/** Asks the store, and gives the check that the answer is still the same. */
async function observe(
  store: RecordStore,
  space: string,
  one: Look,
): Promise<{ readonly check: Check; readonly answer: unknown }> {
  switch (one.kind) {
    case 'get': {
      const key = space + one.key;
      const record = await store.get('items', key);
      const check: Check = { kind: 'record', collection: 'items', key, version: record?.version ?? null };
      return { check, answer: record === null ? null : JSON.parse(record.value) };
    }
    case 'list': {
      const query = { collection: 'items', prefix: space + one.prefix, after: null, limit: 100 };
      const page = await store.list(query);
      const answer = page.records.map(({ key, value }) => [key.slice(space.length), JSON.parse(value)]);
      return { check: { kind: 'list', query, fingerprint: pageFingerprint(page) }, answer };
    }
    case 'count': {
      const query = { collection: 'items', index: 'items.all', where: named(space, one.name) };
      const count = await store.count(query);
      return { check: { kind: 'count', query, count }, answer: count };
    }
    default: {
      const where =
        one.kind === 'query'
          ? named(space, one.name)
          : one.kind === 'tagged'
            ? [{ column: 'tags', op: 'any' as const, values: [space + one.tag] }]
            : [{ column: 'flag', op: 'eq' as const, value: space }];
      const query = itemQuery({ where, order: [{ column: 'rank', descending: true }], limit: 3 });
      const page = await store.query(query);
      const answer = page.records.map(({ key, value }) => [key.slice(space.length), JSON.parse(value)]);
      return { check: { kind: 'query', query, fingerprint: pageFingerprint(page) }, answer };
    }
  }
}

function named(space: string, name: string) {
  return [{ column: 'name', op: 'eq' as const, value: space + name }];
}

function lookAt(model: Model, one: Look): unknown {
  const sorted = [...model].toSorted(([a], [b]) => (a < b ? -1 : 1));
  switch (one.kind) {
    case 'get':
      return model.get(one.key) ?? null;
    case 'list':
      return sorted.filter(([key]) => key.startsWith(one.prefix));
    case 'count':
      return sorted.filter(([, { name }]) => name === one.name).length;
    default: {
      const fitting = sorted.filter(([, { name, tags }]) => {
        if (one.kind === 'query') return name === one.name;
        return one.kind !== 'tagged' || tags.includes(one.tag);
      });
      return fitting.toSorted(([, a], [, b]) => b.rank - a.rank).slice(0, 3);
    }
  }
}

async function allEvents(store: RecordStore, after: number): Promise<readonly StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const page = await store.events(events.at(-1)?.position ?? after, 1000);
    events.push(...page);
    if (page.length < 1000) return events;
  }
}
