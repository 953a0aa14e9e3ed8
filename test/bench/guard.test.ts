import { expect, test } from 'vitest';
import { differencesOf, differencesText } from '../../bench/guard/compare.ts';
import { measureGuard } from '../../bench/guard/measure.ts';
import { readBaseline } from '../../bench/guard/run.ts';

const ROW = { bytes: 20_000, promises: 0, ticks: 7, calls: { 'meta.get': 1 } };

test('requests take what they took when it was last accepted', { timeout: 480_000 }, async ({ skip }) => {
  const accepted = readBaseline();
  if (accepted === null) throw new Error('bench/results/guard.json is missing: npm run bench -- --guard --update');
  const { node } = process.versions;
  skip(node !== accepted.node, `What was accepted was measured on Node ${accepted.node}, and this is ${node}`);

  let differences = differencesOf(accepted.rows, await measureGuard());
  // What the sources do differs each time; what a busy machine does differs once.
  if (differences.length > 0) differences = differencesOf(accepted.rows, await measureGuard());

  if (differences.length > 0) throw new Error(differencesText(differences));
});

test.each([
  ['more bytes', { ...ROW, bytes: 21_100 }, 'bytes'],
  ['fewer bytes, which is to be kept', { ...ROW, bytes: 18_900 }, 'bytes'],
  ['a promise where there was none', { ...ROW, promises: 1 }, 'promises'],
  ['one tick more', { ...ROW, ticks: 8 }, 'ticks'],
  ['another call of a store', { ...ROW, calls: { 'meta.get': 2 } }, 'meta.get'],
  ['a call of a kind that was not made', { ...ROW, calls: { 'meta.get': 1, 'meta.query': 1 } }, 'meta.query'],
  ['a call that is not made any more', { ...ROW, calls: {} }, 'meta.get'],
])('%s is a difference', (_, measured, figure) => {
  const differences = differencesOf({ latest: ROW }, { latest: measured });

  expect(differences.map((difference) => difference.figure)).toEqual([figure]);
  expect(differencesText(differences)).toContain('npm run bench -- --guard --update');
});

test('a few bytes more or fewer, and a few promises of hundreds, are none', () => {
  const publish = { ...ROW, promises: 280 };
  const accepted = { latest: ROW, publish };
  const measured = { latest: { ...ROW, bytes: 20_900 }, publish: { ...publish, bytes: 19_100, promises: 277 } };

  expect(differencesOf(accepted, measured)).toEqual([]);
});

test('a row that came or went is a difference', () => {
  expect(differencesOf({ latest: ROW }, {}).length).toBe(4);
  expect(differencesOf({}, { latest: ROW }).length).toBe(4);
});
