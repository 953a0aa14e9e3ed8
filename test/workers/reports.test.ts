import { expect, test } from 'vitest';
import type { Report } from '../../src/workers/messages.ts';
import { createReports } from '../../src/workers/reports.ts';

const counter = (value: number): object => ({
  name: 'a_total',
  type: 'counter',
  help: '',
  aggregator: 'sum',
  values: [{ value, labels: { route: 'x' } }],
});
const gauge = (value: number): object => ({ name: 'b', type: 'gauge', help: '', values: [{ value, labels: {} }] });

/** Workers that answer with what `says` has for them; those without anything never do. */
function open(says: Map<string, Report>) {
  const reports = createReports<string>((worker, id) => {
    const report = says.get(worker);
    if (report !== undefined) queueMicrotask(() => reports.answer(worker, id, report));
  }, 50);
  return reports;
}

test('all that answer are shown', async () => {
  const reports = open(
    new Map([
      ['one', [counter(1)]],
      ['two', [counter(2)]],
    ]),
  );
  expect(await reports.of(['one', 'two'])).toEqual([[counter(1)], [counter(2)]]);
});

test('of one that does not answer what it said before is shown', async () => {
  const says = new Map([
    ['one', [counter(1)]],
    ['two', [counter(2)]],
  ]);
  const reports = open(says);
  await reports.of(['one', 'two']);
  says.delete('two');
  says.set('one', [counter(3)]);
  expect(await reports.of(['one', 'two'])).toEqual([[counter(3)], [counter(2)]]);
});

test('counts of those that are gone stay, added up; what they had of anything else does not', async () => {
  const says = new Map([
    ['one', [counter(1), gauge(5)]],
    ['two', [counter(2), gauge(5)]],
    ['three', [counter(4), gauge(5)]],
  ]);
  const reports = open(says);
  await reports.of([...says.keys()]);
  reports.leave('one');
  reports.leave('three');
  expect(await reports.of(['two'])).toEqual([[counter(2), gauge(5)], [counter(5)]]);
});

test('one that ends while it is asked is not waited for', async () => {
  const reports = createReports<string>(() => {}, 60_000);
  const asked = reports.of(['one']);
  reports.leave('one');
  expect(await asked).toEqual([]);
});
