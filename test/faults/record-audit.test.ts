import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryRecordStore } from '../../src/adapters/record-store/memory.ts';
import type { Commit, RecordStore, StoredEvent } from '../../src/ports/record-store.ts';
import type { Expected } from './ledger.ts';
import { auditRecords } from './record-audit.ts';
import { digestOfText, PAIRS, pairCommit } from './record-pairs.ts';

describe('the audit of killed servers', () => {
  let store: RecordStore;
  let ledger: Map<string, Expected>;
  let lastId = 0;

  beforeEach(async () => {
    store = openMemoryRecordStore({});
    ledger = new Map();
    await store.migrate(PAIRS, () => ({}));
    await write('first');
    await write('second');
  });

  const textOf = (target: string) => JSON.stringify({ target });

  function intend(target: string, acknowledged: boolean): void {
    ledger.set(target, { digest: digestOfText(textOf(target)), acknowledged });
  }

  async function commitOf(target: string): Promise<Commit> {
    const read = await store.get('counters', 'a');
    const counter = read === null ? null : { version: read.version, count: Number(read.value) };
    return pairCommit(String(++lastId), { target, value: textOf(target), counter: 'a' }, counter);
  }

  async function write(target: string, change: (commit: Commit) => Commit = (commit) => commit): Promise<void> {
    intend(target, true);
    expect(await store.commit(change(await commitOf(target)))).toMatchObject({ ok: true });
  }

  const audit = async (before: readonly StoredEvent[] = []) => (await auditRecords(store, ledger, before)).faults;
  const without = (collection: string) => (commit: Commit) => ({
    ...commit,
    puts: commit.puts.filter((put) => put.collection !== collection),
  });

  it('passes what is whole or absent, where nobody was told that it is there', async () => {
    intend('never', false);
    await write('third');
    intend('third', false);
    const { faults, present, absent, events } = await auditRecords(store, ledger);
    expect([faults, present, absent, events.length]).toEqual([[], 3, 1, 3]);
    await write('fourth');
    expect(await audit(events)).toEqual([]);
  });

  it('misses what was acknowledged', async () => {
    intend('lost', true);
    expect(await audit()).toEqual(['lost was acknowledged and is not there']);
  });

  it.each<[string, (commit: Commit) => Commit, RegExp]>([
    ['record', without('right'), /third is there in part: 2 of 3/],
    ['row', (commit) => ({ ...commit, puts: commit.puts.map((put) => ({ ...put, rows: {} })) }), /index of a does not/],
    ['event', (commit) => ({ ...commit, events: [] }), /third is there in part: 2 of 3/],
    ['count', without('counters'), /The counter a stands at 2, and the log at 3/],
  ])('misses a %s', async (_, change, fault) => {
    await write('third', change);
    expect(await audit()).toEqual(expect.arrayContaining([expect.stringMatching(fault)]));
  });

  it('sees a part that came in another commit', async () => {
    await write('third', without('right'));
    const commit = await commitOf('third');
    await store.commit({
      ...commit,
      checks: [],
      puts: commit.puts.filter(({ collection }) => collection === 'right'),
      events: [],
    });
    expect(await audit()).toEqual(['third is of several commits']);
  });

  it('sees another value', async () => {
    await write('third', (commit) => ({ ...commit, puts: commit.puts.map((put) => ({ ...put, value: '3' })) }));
    expect(await audit()).toContain('third has another value');
  });

  it('sees what nobody meant to write', async () => {
    await write('third');
    ledger.delete('third');
    expect(await audit()).toEqual(['third is there, and nobody meant to write it']);
  });

  it('sees what was done twice', async () => {
    await write('third');
    const { events } = await commitOf('third');
    await store.commit({ id: 'again', checks: [], puts: [], deletes: [], events });
    expect(await audit()).toContain('An event is there twice');
    expect(await audit()).toContain('The counter a stands at 3, and the log at 4');
  });

  it('sees a log that showed something else before', async () => {
    const [first, second] = await store.events(0, 9);
    expect(await audit([first!, { ...second!, id: 'other' }])).toEqual([
      'The log showed another event at its place 1 before',
    ]);
    expect(await audit([first!, second!, second!])).toEqual(['The log showed another event at its place 2 before']);
  });
});
