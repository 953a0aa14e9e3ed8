import { describe, expect, it } from 'vitest';
import { openMemoryRecordStore } from '../../src/adapters/record-store/memory.ts';
import { createFiller, type Filled } from '../../src/moving/fill-store.ts';
import type { DumpedRecord, LoadBatch } from '../../src/ports/record-dump.ts';

const MARK = { origin: 'the test', at: '2026-01-02T03:04:05.006Z', replace: false };

type Contents = Readonly<Record<string, readonly DumpedRecord[]>>;
const record = (key: string, version = 1): DumpedRecord => ({
  key,
  value: `"${key} ${version}"`,
  version,
  expiresAt: null,
});
const many = (count: number, version = 1) =>
  Array.from({ length: count }, (_, place) => record(`k${String(place).padStart(6, '0')}`, version));

/** Fills a store in which another run left something; what the second run wrote, and what there is at the end. */
async function fillOver(before: Contents, wanted: Contents, batchSize = 700) {
  const store = openMemoryRecordStore();
  const load = await store.load(MARK);
  for (const [collection, records] of Object.entries(before)) {
    await load.write({ puts: records.map((entry) => ({ collection, ...entry })), deletes: [], events: [] });
  }
  const batches: LoadBatch[] = [];
  const filler = createFiller({
    ...load,
    write(batch) {
      batches.push(batch);
      return load.write(batch);
    },
  });
  for (const [collection, records] of Object.entries(wanted)) {
    for (let from = 0; from < records.length; from += batchSize) {
      await filler.records(collection, records.slice(from, from + batchSize));
    }
  }
  const filled: Filled = await filler.end();
  const found: Record<string, readonly DumpedRecord[]> = {};
  const dump = await store.dump();
  for (const { name } of dump.collections) {
    const all: DumpedRecord[] = [];
    for await (const batch of dump.records(name)) all.push(...batch);
    found[name] = all;
  }
  return { filled, found, batches };
}

describe('filling a store', () => {
  it.each<[string, Contents, Contents, Filled]>([
    ['an empty one', {}, { a: many(2000), b: [record('x')] }, { written: 2001, kept: 0, removed: 0 }],
    ['one that has the first part', { a: many(1234) }, { a: many(2000) }, { written: 766, kept: 1234, removed: 0 }],
    [
      'one with other versions here and there',
      { a: many(3000).map((entry, place) => (place % 10 === 0 ? record(entry.key, 7) : entry)) },
      { a: many(3000) },
      { written: 300, kept: 2700, removed: 0 },
    ],
    [
      'one with other values and times of the same versions',
      {
        a: many(1500).map((entry, place) =>
          place === 7 ? { ...entry, value: '0' } : place === 1400 ? { ...entry, expiresAt: 5 } : entry,
        ),
      },
      { a: many(1500) },
      { written: 2, kept: 1498, removed: 0 },
    ],
    [
      'one with more than there should be: before, between, after, and whole collections',
      { a: [record('a'), ...many(2500), record('z')], b: many(2100), c: [record('x')] },
      { a: many(2500).filter((_, place) => place % 2 === 0), c: [record('x')] },
      { written: 0, kept: 1251, removed: 1252 + 2100 },
    ],
    ['one that should be empty', { a: many(1500) }, {}, { written: 0, kept: 0, removed: 1500 }],
    [
      'keys whose order is that of bytes, not of UTF-16',
      { a: [record('\u{10000}'), record('\uffff')] },
      { a: [record('\uffff'), record('\u{10000}'), record('\u{10001}')] },
      { written: 1, kept: 2, removed: 0 },
    ],
  ])('makes it the same: %s', async (_, before, wanted, expected) => {
    const { filled, found, batches } = await fillOver(before, wanted);
    expect(found).toEqual(wanted);
    expect(filled).toEqual(expected);
    for (const { puts, deletes } of batches) expect(puts.length + deletes.length).toBeLessThan(2000);
  });

  it('writes the events that are missing, wherever they are missing', async () => {
    const store = openMemoryRecordStore();
    const load = await store.load(MARK);
    const event = (position: number) => ({
      position,
      version: position,
      id: `e${position}`,
      type: 't',
      at: MARK.at,
      payload: '{}',
    });
    const all = Array.from({ length: 3000 }, (_, place) => event(place * 3 + 1));
    await load.write({ puts: [], deletes: [], events: all.filter((_, place) => place < 1500 && place % 7 !== 0) });
    await load.write({ puts: [], deletes: [], events: [{ ...event(4), payload: '"wrong"' }] });
    const filler = createFiller(load);
    for (let from = 0; from < all.length; from += 400) await filler.events(all.slice(from, from + 400));
    const there = all.filter((_, place) => place < 1500 && place % 7 !== 0).length - 1;
    expect(await filler.end()).toEqual({ written: 3000 - there, kept: there, removed: 0 });
    expect(await store.events(0, 10_000)).toEqual(all);
  });
});
