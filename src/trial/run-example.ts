import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { formatFinding } from '../definition/format-findings.ts';
import { loadDefinition } from '../definition/load.ts';
import type { Json, JsonObject } from '../definition/types.ts';
import type { OperationExample, Vocabulary } from '../definition/vocabulary.ts';
import { type Clock, systemClock } from '../shared/clock.ts';
import { compareResponse, parsed } from './compare-response.ts';
import { bytesOf, object } from './contents.ts';
import { compareValues, type Difference } from './differences.ts';
import { exampleRegistry, type StoreKinds, upstreamVariable } from './example-registry.ts';
import { fixedClock } from './fixed-clock.ts';
import { startMockUpstream } from './mock-upstream.ts';
import { prepare } from './prepare.ts';
import { openTrial, type Trial, type TrialRequest, type TrialResponse, type TrialUser } from './trial.ts';

/**
 * Builds the registry of an operation's example (`operations/README.md`), runs its request on throw-away stores, and tells where the
 * outcome is not what the example says. Fails where the example does not pass the checker.
 */
export async function runExample(
  example: OperationExample,
  vocabulary: Vocabulary,
  kinds: StoreKinds,
): Promise<readonly Difference[]> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-example-'));
  const servers = await Promise.all(
    Object.entries(object(example.given.upstream)).map(async ([name, answers]) => {
      const mock = await startMockUpstream(answers as readonly Json[]);
      return { ...mock, variable: upstreamVariable(name) };
    }),
  );
  try {
    const file = join(folder, 'registry.json');
    await writeFile(file, JSON.stringify(exampleRegistry(example, kinds), null, 2));
    const { definition, findings } = await loadDefinition(file, vocabulary);
    if (definition === null)
      throw new Error(`The example does not pass the checker:\n${findings.map(formatFinding).join('\n')}`);
    const env = Object.fromEntries(servers.map(({ variable, url }) => [variable, url]));
    const clock: Clock = typeof example.given.now === 'string' ? fixedClock(example.given.now) : systemClock;
    const trial = await openTrial({
      definition,
      prepared: prepare(definition, vocabulary),
      folder: join(folder, 'data'),
      memory: kinds.memory,
      users: object(example.given.users) as Readonly<Record<string, TrialUser>>,
      openRecordStore: kinds.openRecordStore,
      env,
      clock,
    });
    try {
      await fill(trial, example.given);
      const response = await trial.send(requestOf(example));
      return await compareOutcome(example, response, trial);
    } finally {
      await trial.close();
    }
  } finally {
    for (const server of servers) await server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Puts what is given into the stores, by the ports. */
async function fill({ runtime }: Trial, given: JsonObject): Promise<void> {
  const puts = [];
  for (const [document, records] of Object.entries(object(given.records))) {
    for (const [key, value] of Object.entries(object(records))) {
      const rows = await runtime.rules(document).project(value);
      puts.push({ collection: document, key, value: JSON.stringify(value), expiresAt: null, rows });
    }
  }
  if (puts.length > 0) {
    const result = await runtime.store('meta').commit({ id: 'given', checks: [], puts, deletes: [], events: [] });
    if (!result.ok) throw new Error('The records that are given do not go together');
  }
  for (const content of (given.blobs ?? []) as readonly Json[]) {
    await runtime.blobStore('primary').put(Readable.from([bytesOf(content)]), { leaseMs: 60_000 });
  }
}

function requestOf({ given }: OperationExample): TrialRequest {
  const request = object(given.request);
  const { sub, scopes, roles, org } = object(given.principal);
  return {
    method: String(request.method ?? 'GET'),
    target: String(request.path ?? given.route ?? '/example'),
    headers: Object.fromEntries(Object.entries(object(request.headers)).map(([name, value]) => [name, String(value)])),
    body: request.body === undefined ? null : bytesOf(request.body),
    ...(request.length === undefined ? {} : { length: Number(request.length) }),
    principal:
      sub === undefined
        ? null
        : { sub: String(sub), scopes: texts(scopes), roles: texts(roles), org: org == null ? null : String(org) },
  };
}

async function compareOutcome(
  { expect }: OperationExample,
  response: TrialResponse,
  trial: Trial,
): Promise<readonly Difference[]> {
  const text = response.body.toString();
  const found: Difference[] = [];
  if (expect.error !== undefined) found.push(...compareError(expect.error, response.status, text));
  else if (expect.response === undefined && response.status !== 200) {
    found.push({ where: 'status', expected: 200, actual: `${response.status} ${text}` });
  }
  if (expect.response !== undefined) found.push(...compareResponse(response, object(expect.response)));
  if (expect.bindings !== undefined) found.push(...compareValues(parsed(text), expect.bindings, 'bindings'));
  for (const [document, records] of Object.entries(object(expect.records))) {
    const stored = new Map((await trial.records(document)).map(({ key, value }) => [key, value]));
    for (const [key, value] of Object.entries(object(records))) {
      const record = stored.get(key);
      const actual: unknown = record === undefined ? null : JSON.parse(record);
      found.push(...compareValues(actual, value, `record ${key}`));
    }
  }
  if (expect.events !== undefined) {
    const events = (await trial.events()).map(({ type, payload }) => ({ type, payload: JSON.parse(payload) }));
    found.push(...compareValues(events, expect.events, 'events'));
  }
  return found;
}

function compareError(expected: Json, status: number, text: string): readonly Difference[] {
  const { status: wanted, ...shown } = typeof expected === 'string' ? { code: expected } : object(expected);
  const found = [...compareValues(parsed(text), { error: shown }, 'body', 'includes')];
  if (wanted === undefined ? status < 400 : status !== wanted) {
    found.push({ where: 'status', expected: wanted ?? 'an error', actual: status });
  }
  return found;
}

function texts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
