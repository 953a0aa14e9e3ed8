import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadDefinition } from '../definition/load.ts';
import type { Definition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { vocabulary } from '../main.ts';
import { type RouteTestReport, runRouteTests } from '../route-tests/run-route-tests.ts';
import { isolated } from '../route-tests/throw-away.ts';
import { systemClock } from '../shared/clock.ts';
import { type Prepared, prepare } from '../trial/prepare.ts';
import { openTrial, type Trial } from '../trial/trial.ts';
import { AUDITED, type Auditor, createAuditor } from './audit.ts';
import { verifyOperations } from './operations.ts';
import { verifyPermissions } from './permissions.ts';
import { verifyEventLog } from './record-probes.ts';
import { check, note, type Section, type VerifyReport } from './report.ts';
import { firstCollection, verifyStorage } from './storage.ts';

export interface VerifyOptions {
  /** Kind of all record stores; null: as the definition declares them. */
  readonly store: string | null;
  /** Told of what is looked at next. */
  readonly onProgress?: (what: string) => void;
}

/**
 * Whether a registry (a folder or a definition in one file) does what its definition says: its operations, routes, stores, permissions and
 * events, tried on new stores of its own kinds, which are thrown away.
 */
export async function verifyRegistry(path: string, options: VerifyOptions): Promise<VerifyReport> {
  const { store, onProgress = () => {} } = options;
  const words = await vocabulary();
  const { definition, findings } = await loadDefinition(resolve(path), words);
  if (definition === null) return { ok: false, findings, sections: [], permissions: null };
  const declared = isolated(definition, store);

  onProgress('compiling every route');
  const { prepared, problems } = compileRoutes(declared, words);
  if (prepared === null) {
    const checks = [check('every route compiles', problems)];
    return { ok: false, findings, sections: [{ id: 'routes', title: 'Routes', checks }], permissions: null };
  }
  onProgress("running the operations' examples");
  const kinds = [...new Set(Object.values(declared.kvStores).map(({ kind }) => kind))];
  const operations = await verifyOperations(declared, words, kinds);
  onProgress("running the routes' tests");
  const auditor = createAuditor();
  const tests = await runRouteTests(path, { store, inspect: auditor.inspect });
  const routes = routesSection(declared, tests);
  onProgress('trying the stores');
  const { result, problem } = await onTrial(declared, prepared, async (trial) => {
    const storage = await verifyStorage(trial);
    const events = await eventsSection(trial, auditor, tests);
    onProgress('asking each route as each principal');
    const auth = await verifyPermissions(trial, words, tests.results);
    const audited = { ...storage, checks: [...storage.checks, ...auditChecks(auditor, tests)] };
    return { sections: [operations, routes, audited, auth.section, events], permissions: auth.permissions };
  });
  if (result === null) {
    const storage: Section = { id: 'storage', title: 'Storage', checks: [check('the stores open', [problem])] };
    return { ok: false, findings, sections: [operations, routes, storage], permissions: null };
  }
  const { sections, permissions } = result;
  const ok = sections.every(({ checks }) => checks.every(({ outcome }) => outcome !== 'failed'));
  return { ok, findings, sections, permissions };
}

/** Compiles all routes; where that fails, each alone, to say which. */
function compileRoutes(
  definition: Definition,
  words: Vocabulary,
): { readonly prepared: Prepared | null; readonly problems: readonly string[] } {
  try {
    return { prepared: prepare(definition, words), problems: [] };
  } catch (whole) {
    const problems = definition.routes.flatMap((route) => {
      try {
        prepare({ ...definition, routes: [route] }, words);
        return [];
      } catch (thrown) {
        return [`${route.id}: ${String(thrown)}`];
      }
    });
    return { prepared: null, problems: problems.length > 0 ? problems : [String(whole)] };
  }
}

/** Null, with the reason, where the stores do not open. */
async function onTrial<T>(
  definition: Definition,
  prepared: Prepared,
  use: (trial: Trial) => Promise<T>,
): Promise<{ readonly result: T | null; readonly problem: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-verify-'));
  try {
    const memory = Object.values(definition.kvStores).every(({ kind }) => kind === 'memory');
    let trial: Trial;
    try {
      trial = await openTrial({ definition, prepared, folder, memory, env: {}, clock: systemClock });
    } catch (thrown) {
      return { result: null, problem: thrown instanceof Error ? thrown.message : String(thrown) };
    }
    try {
      return { result: await use(trial), problem: '' };
    } finally {
      await trial.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function routesSection(definition: Definition, { findings, results, untested }: RouteTestReport): Section {
  const failed = results.filter(({ ok }) => !ok);
  return {
    id: 'routes',
    title: 'Routes',
    checks: [
      check('every route compiles', [], [`${definition.routes.length} routes`]),
      check(
        'tests of routes can be read',
        findings
          .filter(({ severity }) => severity === 'error')
          .map(({ file, line, message }) => `${file}:${line} ${message}`),
      ),
      check(
        "the routes' tests pass, and leave the stores in order",
        failed.map(({ name, place, differences, trouble }) => {
          const first = differences[0];
          const why = first === undefined ? trouble[0] : `${first.where}: ${JSON.stringify(first.actual)}`;
          return `${place.file}:${place.line} ${name}: ${why} (see "entrepot test")`;
        }),
        [`${results.length} tests`],
      ),
      ...note('routes without a test', untested),
    ],
  };
}

function auditChecks({ seen }: Auditor, { results }: RouteTestReport) {
  if (results.length === 0) {
    return note('nothing that routes write was looked at', ['Tests of routes (see "entrepot test") would show it']);
  }
  const details = [
    `${seen.records} records, ${seen.indexed} index entries, ${seen.blobs} blobs after ${results.length} tests`,
  ];
  const broken = brokenAfter(results, AUDITED.record);
  return [
    check(
      'what routes write fits its schema, is found by its indexes, and names blobs that are whole',
      broken,
      details,
    ),
  ];
}

/** What the auditor found after tests, of things whose name begins so. */
function brokenAfter(results: RouteTestReport['results'], prefix: string): readonly string[] {
  return results.flatMap(({ name, differences }) =>
    differences
      .filter(({ where }) => where.startsWith(prefix))
      .map(({ where, actual }) => `after "${name}", ${where}: ${actual}`),
  );
}

async function eventsSection(trial: Trial, { seen, eventTypes }: Auditor, tests: RouteTestReport): Promise<Section> {
  const { definition, plan, runtime } = trial;
  const checks = [];
  for (const name of Object.keys(definition.kvStores)) {
    const collection = firstCollection(plan, name);
    if (collection !== null) checks.push(...(await verifyEventLog(name, runtime.store(name), collection)));
  }
  const silent = Object.keys(definition.events).filter((type) => !eventTypes.has(type));
  return {
    id: 'events',
    title: 'Events',
    checks: [
      ...checks,
      ...(seen.events === 0
        ? []
        : [
            check(
              'events of routes are typed, in order, and each of one commit',
              brokenAfter(tests.results, AUDITED.log),
              [`${seen.events} events`],
            ),
          ]),
      ...note('types that no test made appear', silent),
    ],
  };
}
