import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { formatFinding } from '../../src/definition/format-findings.ts';
import { loadDefinition } from '../../src/definition/load.ts';
import type { Json, JsonObject } from '../../src/definition/types.ts';
import type { OperationExample, Vocabulary } from '../../src/definition/vocabulary.ts';
import { compile } from '../../src/engine/compile.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { EngineRequest, EngineResponse } from '../../src/engine/exchange.ts';
import { openPorts, openUpstreams, type Ports } from '../../src/open-ports.ts';
import { HANDLERS } from '../../src/operations/index.ts';
import { type Clock, systemClock } from '../../src/shared/clock.ts';
import { exampleRegistry, object, type StoreKinds, upstreamVariable } from './example-registry.ts';
import { startUpstream } from './upstream-server.ts';

/** What an example left behind, in the words of its `expect`. */
export interface Outcome {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** Value of a record, or null. */
  record(document: string, key: string): Promise<unknown>;
  events(): Promise<readonly { readonly type: string; readonly payload: unknown }[]>;
}

/** Builds the example's registry in `folder`, runs its request, and hands the outcome to `check` while the stores are open. */
export async function runExample(
  example: OperationExample,
  vocabulary: Vocabulary,
  kinds: StoreKinds,
  folder: string,
  check: (outcome: Outcome) => Promise<void>,
): Promise<void> {
  const { given } = example;
  const file = join(folder, 'registry.json');
  await writeFile(file, JSON.stringify(exampleRegistry(example, kinds), null, 2));
  const { definition, findings } = await loadDefinition(file, vocabulary);
  if (definition === null)
    throw new Error(`The example does not pass the checker:\n${findings.map(formatFinding).join('\n')}`);

  const servers = await Promise.all(
    Object.entries(object(given.upstream)).map(async ([name, answers]) => ({
      name,
      ...(await startUpstream(answers)),
    })),
  );
  const environment = Object.fromEntries(servers.map((server) => [upstreamVariable(server.name), server.url]));
  const env = Object.fromEntries(definition.env.map((name) => [name, environment[name] ?? null]));
  const clock: Clock = typeof given.now === 'string' ? fixedClock(given.now) : systemClock;
  const upstreams = openUpstreams(definition, environment, env, clock);
  const plan = compile({ definition, vocabulary, handlers: HANDLERS, upstreams });
  const log = { failure: () => {}, warning: () => {} };
  const ports = await openPorts({
    definition,
    plan,
    data: join(folder, 'data'),
    clock,
    log,
    memory: kinds.memory,
    wrapRecordStore: (store) => store,
  });
  try {
    await fill(ports, given);
    const { sub, scopes } = object(given.principal);
    const principal = { sub: String(sub), scopes: asTexts(scopes), roles: [], org: null };
    const engine = createEngine({
      plan,
      runtime: ports.runtime,
      authenticate: () => (sub === undefined ? null : principal),
      env,
    });
    const response = await engine.handle(requestOf(example));
    const body = await contentOf(response);
    const store = ports.runtime.store('meta');
    await check({
      status: response.status,
      headers: response.headers,
      body,
      async record(document, key) {
        const record = await store.get(document, key);
        return record === null ? null : JSON.parse(record.value);
      },
      async events() {
        const events = await store.events(0, 100);
        return events.map((event) => ({ type: event.type, payload: JSON.parse(event.payload) as unknown }));
      },
    });
  } finally {
    for (const upstream of upstreams.values()) await upstream.close();
    await ports.close();
    for (const server of servers) await server.close();
  }
}

/** Puts what is given into the stores, by the ports. */
async function fill(ports: Ports, given: JsonObject): Promise<void> {
  const { runtime } = ports;
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

function requestOf(example: OperationExample): EngineRequest {
  const request = object(example.given.request);
  const body = request.body === undefined ? null : bytesOf(request.body);
  const headers = Object.entries(object(request.headers)).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    String(value),
  ]);
  // `authenticate` is asked only where there is an Authorization header.
  if (example.given.principal !== undefined) headers.push(['authorization', 'Bearer example']);
  return {
    method: String(request.method ?? 'GET'),
    target: String(request.path ?? example.given.route ?? '/example'),
    headers,
    body: body === null ? null : Readable.from([body], { objectMode: false }),
    contentLength: body === null ? null : Number(request.length ?? body.length),
    ip: '127.0.0.1',
    baseUrl: 'http://registry.example',
    signal: new AbortController().signal,
  };
}

/** Content written as text, `{json}`, `{base64}` or `{repeat, times}`. */
export function bytesOf(content: Json): Buffer {
  if (typeof content === 'string') return Buffer.from(content);
  const { json, base64, repeat, times } = object(content);
  if (json !== undefined) return Buffer.from(JSON.stringify(json));
  if (typeof repeat === 'string') return Buffer.from(repeat.repeat(Number(times)));
  return Buffer.from(String(base64), 'base64');
}

async function contentOf({ body }: EngineResponse): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function fixedClock(now: string): Clock {
  return { ...systemClock, now: () => Date.parse(now) };
}

function asTexts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
