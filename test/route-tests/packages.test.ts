import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadDefinition } from '../../src/definition/load.ts';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import { type RouteTestReport, runRouteTests } from '../../src/route-tests/run-route-tests.ts';
import { ROOT } from '../house/source-files.ts';

// On SQLite they run with `verify`: see test/verify/registry.test.ts.
describe('the tests of the routes that come with the project, in memory', () => {
  let report: RouteTestReport;

  test('pass', { timeout: 180_000 }, async () => {
    report = await runRouteTests(ROOT, { store: 'memory' });
    expect(report.findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    const failed = report.results.filter(({ ok }) => !ok);
    expect(failed.map(({ name, place, differences, trouble }) => ({ name, place, differences, trouble }))).toEqual([]);
  });

  test('show every route, good and bad', async () => {
    const { definition } = await loadDefinition(ROOT, await loadVocabulary(join(ROOT, 'operations')));
    expect(report.untested).toEqual([]);
    const shown = new Map<string, Set<string>>();
    for (const { route, response } of report.results) {
      if (route === null) continue;
      const kinds = shown.get(route) ?? new Set();
      shown.set(route, kinds.add((response?.status ?? 500) < 400 ? 'good' : 'bad'));
    }
    // What answers whatever it is asked has one kind of answer.
    const constant = definition?.routes.filter(({ pipeline }) => pipeline.length === 1).map(({ id }) => id);
    expect([...shown].filter(([route, kinds]) => kinds.size < 2 && !constant?.includes(route))).toEqual([]);
  });
});
