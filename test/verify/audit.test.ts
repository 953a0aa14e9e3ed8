import { expect, test } from 'vitest';
import type { Commit } from '../../src/ports/record-store.ts';
import { createAuditor } from '../../src/verify/audit.ts';
import { notes, trialOf } from './notes-trial.ts';

const EVENT = { id: 'e', type: 'note_written', at: '2026-01-01T00:00:00.000Z', payload: '{"name":"a"}' };
const VALUE = { name: 'a', text: 'hi', file: null as string | null };

/** What an auditor says after a commit that no route made. */
async function audit(change: Partial<Commit>, value: object = VALUE, rows: object | null = null) {
  const definition = notes();
  definition.storage.documents.note.blobs = ['file'];
  const trial = await trialOf(definition);
  const { runtime } = trial;
  const own = rows ?? (await runtime.rules('note').project(value));
  const put = { collection: 'note', key: 'note/a', value: JSON.stringify(value), expiresAt: null, rows: { ...own } };
  const result = await runtime
    .store('meta')
    .commit({ id: 'c', checks: [], puts: [put], deletes: [], events: [], ...change });
  expect(result.ok).toBe(true);
  const auditor = createAuditor();
  const found = await auditor.inspect(trial);
  return { found: found.map(({ where, actual }) => `${where}: ${actual}`), seen: auditor.seen };
}

test('a record that is in order, with its event', async () => {
  const { found, seen } = await audit({ events: [EVENT] });
  expect(found).toEqual([]);
  expect(seen).toEqual({ records: 1, indexed: 1, blobs: 0, events: 1 });
});

test.each([
  ['a record that does not fit its schema', {}, { name: 1, text: 'hi' }, null, /does not fit its schema/],
  ['a record that its index does not have', {}, VALUE, {}, /note\/a: is not found by by_text of notes/],
  [
    'a record that stands elsewhere in its index',
    {},
    VALUE,
    { notes: { text: 'ho', name: 'a' } },
    /is not found by by_text/,
  ],
  [
    'a blob that is not there',
    {},
    { ...VALUE, file: `sha256:${'0'.repeat(64)}` },
    null,
    /names the blob sha256:0+, which is not there/,
  ],
  [
    'an event of no declared type',
    { events: [{ ...EVENT, type: 'x' }] },
    VALUE,
    null,
    /x at 1 is of a type that is not declared/,
  ],
  [
    'an event that does not fit its schema',
    { events: [{ ...EVENT, payload: '{}' }] },
    VALUE,
    null,
    /note_written at 1 does not fit its schema/,
  ],
  ['an event that tells of no write', { puts: [], events: [EVENT] }, VALUE, null, /tells of no write/],
])('%s', async (_name, change, value, rows, message) => {
  const { found } = await audit(change, value, rows);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(message);
});
