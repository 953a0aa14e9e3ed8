import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Finding, Place } from '../definition/findings.ts';
import { formatFinding } from '../definition/format-findings.ts';
import { loadDefinition } from '../definition/load.ts';
import type { Definition, JsonObject } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { vocabulary } from '../main.ts';
import type { Difference } from '../trial/differences.ts';
import { type Prepared, prepare } from '../trial/prepare.ts';
import type { Trial, TrialRequest, TrialResponse } from '../trial/trial.ts';
import { type ReadTestFile, type RegistryPlace, readTestFiles, registryPlace } from './read-test-files.ts';
import { type Outcome, runTest } from './run-test.ts';
import { copyPatched } from './throw-away.ts';

export interface RouteTestOptions {
  /** Kind of all record stores (`memory`: nothing is written to disk); null: as the definition declares them. */
  readonly store: string | null;
  /** Only tests with this in their file's name or their own. */
  readonly filter?: string;
  readonly onResult?: (result: RouteTestResult) => void;
  readonly inspect?: (trial: Trial) => Promise<readonly Difference[]>;
}

export interface RouteTestResult {
  readonly name: string;
  readonly place: Place;
  readonly ok: boolean;
  /** Of the test's own request; null where none answers it. */
  readonly route: string | null;
  readonly request: TrialRequest | null;
  readonly response: TrialResponse | null;
  readonly differences: readonly Difference[];
  /** Trouble that is no difference: a fault of the server behind a 5xx, or why the test could not be run. */
  readonly trouble: readonly string[];
  readonly durationMs: number;
}

export interface RouteTestReport {
  /** Why there are no results, or not all: trouble with the definition or with test files. */
  readonly findings: readonly Finding[];
  readonly results: readonly RouteTestResult[];
  /** Ids of routes that no test's own request reached. Empty with a filter. */
  readonly untested: readonly string[];
}

/** Runs the tests of a registry's routes, each on stores of its own. `path` is a folder or a definition in one file. */
export async function runRouteTests(path: string, options: RouteTestOptions): Promise<RouteTestReport> {
  const words = await vocabulary();
  const absolute = resolve(path);
  const { definition, findings, root, files } = await loadDefinition(absolute, words);
  if (definition === null) return { findings, results: [], untested: [] };
  const registry = registryPlace(absolute, root, files);
  const read = await readTestFiles(registry, definition);
  const patched = definitionsOf(registry, definition, words);
  const results: RouteTestResult[] = [];
  for (const file of read.files) {
    for (const index of file.content.tests.keys()) {
      if (!isWanted(file, index, options.filter)) continue;
      const result = await runOne(file, index, patched, options);
      results.push(result);
      options.onResult?.(result);
    }
  }
  const tested = new Set(results.map(({ route }) => route));
  const untested =
    options.filter === undefined ? definition.routes.map(({ id }) => id).filter((id) => !tested.has(id)) : [];
  return { findings: read.findings, results, untested };
}

type Definitions = (
  patch: JsonObject | undefined,
) => Promise<{ readonly definition: Definition; readonly prepared: Prepared }>;

async function runOne(
  file: ReadTestFile,
  index: number,
  definitions: Definitions,
  options: RouteTestOptions,
): Promise<RouteTestResult> {
  const { content, pack, places } = file;
  const test = content.tests[index]!;
  const given = content.given ?? {};
  const started = performance.now();
  let outcome: Outcome = { differences: [], request: null, response: null, route: null, failures: [] };
  const trouble: string[] = [];
  try {
    const patched = await definitions(test.given?.definition ?? given.definition);
    outcome = await runTest({ test, given, pack, ...patched }, { store: options.store, inspect: options.inspect });
  } catch (thrown) {
    trouble.push(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const ok = outcome.differences.length === 0 && trouble.length === 0;
  // A test may well be about a failure; its cause is of interest where something else was expected.
  if (!ok) trouble.push(...outcome.failures.map(causeOf));
  return {
    name: test.name,
    place: places[index]!,
    ok,
    route: outcome.route,
    request: outcome.request,
    response: outcome.response,
    differences: outcome.differences,
    trouble,
    durationMs: performance.now() - started,
  };
}

/** The definition with a patch over its schema file; each patch is loaded and compiled once. */
function definitionsOf(registry: RegistryPlace, definition: Definition, words: Vocabulary): Definitions {
  const known = new Map<string, ReturnType<Definitions>>();
  async function load(patch: JsonObject): Promise<Definition> {
    const folder = await mkdtemp(join(tmpdir(), 'entrepot-patched-'));
    try {
      const patched = await loadDefinition(await copyPatched(registry, patch, folder), words);
      if (patched.definition !== null) return patched.definition;
      const errors = patched.findings.filter(({ severity }) => severity === 'error');
      throw new Error(`With "given.definition" the registry has errors:\n${errors.map(formatFinding).join('\n')}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  async function make(patch: JsonObject | undefined) {
    const patched = patch === undefined ? definition : await load(patch);
    return { definition: patched, prepared: prepare(patched, words) };
  }
  return (patch) => {
    const key = JSON.stringify(patch ?? null);
    const found = known.get(key) ?? make(patch);
    known.set(key, found);
    return found;
  };
}

function isWanted({ name, content }: ReadTestFile, index: number, filter: string | undefined): boolean {
  return filter === undefined || name.includes(filter) || content.tests[index]!.name.includes(filter);
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.stack ?? error.cause.message}` : error.message;
}
