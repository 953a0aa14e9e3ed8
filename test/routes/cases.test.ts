import { posix } from 'node:path';
import { describe, test } from 'vitest';
import { filesBelow, textOf } from '../house/source-files.ts';
import { ALL_STORE_KINDS } from '../support/registry.ts';
import { type RouteCase, runCase } from './run-case.ts';

const FILES = filesBelow('test/routes', '.json');

for (const kind of ALL_STORE_KINDS) {
  for (const file of FILES) {
    const cases: readonly RouteCase[] = JSON.parse(textOf(file));
    describe(`${posix.relative('test/routes', file)} on ${kind}`, () => {
      test.each(cases.map((routeCase) => [routeCase.name, routeCase] as const))('%s', (_name, routeCase) =>
        runCase(routeCase, kind),
      );
    });
  }
}
