import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Definition } from '../definition/types.ts';
import { splitTarget } from '../language/path-pattern.ts';
import { compareResponse } from '../trial/compare-response.ts';
import type { Difference } from '../trial/differences.ts';
import { fixedClock } from '../trial/fixed-clock.ts';
import { type MockUpstream, startMockUpstream } from '../trial/mock-upstream.ts';
import type { Prepared } from '../trial/prepare.ts';
import { openTrial, type Trial, type TrialRequest, type TrialResponse } from '../trial/trial.ts';
import { keepValues, trialRequest } from './requests.ts';
import { compareState, readState } from './state.ts';
import { DEFAULT_NOW, type Given, type RouteTest } from './test-file.ts';
import { isolated } from './throw-away.ts';

/** A test with what its file says for all tests. */
export interface TestCase {
  readonly test: RouteTest;
  /** Of the file. */
  readonly given: Given;
  readonly pack: string | null;
  /** With the test's own patch. */
  readonly definition: Definition;
  readonly prepared: Prepared;
}

export interface RunOptions {
  /** Kind of all record stores; null: as declared. */
  readonly store: string | null;
  /** Sees the registry after the test, while its stores are open; what it finds wrong fails the test. */
  readonly inspect?: (trial: Trial) => Promise<readonly Difference[]>;
}

export interface Outcome {
  readonly differences: readonly Difference[];
  /** Of the test's own request; null where the test did not get that far. */
  readonly request: TrialRequest | null;
  readonly response: TrialResponse | null;
  /** Id of the route that the test's own request belongs to. */
  readonly route: string | null;
  /** Causes of answers of 500 and more, for the author. */
  readonly failures: readonly Error[];
}

/** Runs one test on a new registry of its own. */
export async function runTest(
  { test, given, pack, definition, prepared }: TestCase,
  options: RunOptions,
): Promise<Outcome> {
  const own = test.given ?? {};
  const principal = own.principal === undefined ? (given.principal ?? null) : own.principal;
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-test-'));
  const mocks = new Map<string, MockUpstream>();
  try {
    for (const [name, answers] of Object.entries(test.mocks ?? {})) mocks.set(name, await startMockUpstream(answers));
    const addresses = new Map([...mocks].map(([name, { url }]) => [name, url]));
    const trial = await openTrial({
      definition: isolated(definition, options.store, addresses),
      prepared,
      folder,
      memory: options.store === 'memory',
      env: { ...given.env, ...own.env },
      users: { ...given.users, ...own.users },
      clock: fixedClock(own.now ?? given.now ?? DEFAULT_NOW),
    });
    try {
      const kept = new Map<string, string>();
      for (const [index, step] of [...(given.steps ?? []), ...(own.steps ?? [])].entries()) {
        const request = trialRequest(step.request, principal, kept);
        const response = await trial.send(request);
        const where = `step ${index + 1} (${request.method} ${request.target})`;
        const wrong = step.response === undefined ? refused(response) : compareResponse(response, step.response);
        if (wrong.length > 0) {
          const differences = wrong.map((entry) => ({ ...entry, where: `${where}: ${entry.where}` }));
          return { differences, request: null, response, route: null, failures: trial.failures };
        }
        keepValues(response, step.keep ?? {}, kept);
      }
      const request = trialRequest(test.request, principal, kept);
      const before = await readState(trial);
      const response = await trial.send(request);
      const after = await readState(trial);
      const differences = [
        ...compareResponse(response, test.response),
        ...compareState(test.state ?? {}, before, after, mocks, trial.definition, pack),
        ...((await options.inspect?.(trial)) ?? []),
      ];
      return { differences, request, response, route: routeOf(trial, request), failures: trial.failures };
    } finally {
      await trial.close();
    }
  } finally {
    for (const mock of mocks.values()) await mock.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function refused({ status, body }: TrialResponse): readonly Difference[] {
  return status < 400 ? [] : [{ where: 'status', expected: 'below 400', actual: `${status} ${body}` }];
}

/** The route that a request belongs to, or null. */
function routeOf({ plan }: Trial, { method, target }: TrialRequest): string | null {
  try {
    const { segments, trailingSlash } = splitTarget(target);
    const match = plan.router.match(method, segments, trailingSlash);
    return match.found ? match.value.route.id : null;
  } catch {
    // The path itself is what the test is about.
    return null;
  }
}
