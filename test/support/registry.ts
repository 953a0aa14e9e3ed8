import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import { formatFinding } from '../../src/definition/format-findings.ts';
import { loadDefinition } from '../../src/definition/load.ts';
import type { OperationDefinition } from '../../src/definition/vocabulary.ts';
import type { OperationHandler } from '../../src/engine/contract.ts';
import type { EngineRequest } from '../../src/engine/exchange.ts';
import { type Logger, openDefinition, type Registry, type Seams, vocabulary } from '../../src/main.ts';
import { HANDLERS } from '../../src/operations/index.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { type StoreKind, storesOf } from './record-stores.ts';

export { ALL_STORE_KINDS, STORE_KINDS, type StoreKind } from './record-stores.ts';

export interface TestRegistryOptions {
  readonly kind: StoreKind;
  readonly clock?: Clock;
  readonly env?: Record<string, string>;
  /** Stays when the registry is closed, so that a test can open it again. */
  readonly data?: string;
  readonly seams?: Seams;
  readonly log?: Logger;
  /** Operations that only this test has. */
  readonly operations?: readonly { readonly definition: OperationDefinition; readonly handler: OperationHandler }[];
}

export interface TestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly text: string;
  /** Parsed; throws when the body is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at answers of every shape.
  readonly json: any;
}

export interface TestRegistry {
  readonly registry: Registry;
  readonly data: string;
  send(method: string, target: string, options?: TestRequest): Promise<TestResponse>;
}

export interface TestRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | object | Readable;
  /** Leaves the length out, as a client that streams does. */
  readonly chunked?: boolean;
}

/** A registry in this process, without a server, opened from a one-file definition or a folder and closed when the test ends. */
export async function openTestRegistry(
  definition: object | string,
  options: TestRegistryOptions,
): Promise<TestRegistry> {
  const data = options.data ?? (await temporaryFolder());
  let path = definition;
  if (typeof path !== 'string') {
    path = join(await temporaryFolder(), 'registry.json');
    await writeFile(path, JSON.stringify(definition, null, 2));
  }
  const words = new Map(await vocabulary());
  const handlers = new Map(options.seams?.handlers ?? HANDLERS);
  for (const { definition: word, handler } of options.operations ?? []) {
    words.set(word.op, word);
    handlers.set(word.op, handler);
  }
  const loaded = await loadDefinition(path, words);
  if (loaded.definition === null) throw new Error(loaded.findings.map(formatFinding).join('\n'));
  const registry = await openDefinition(
    loaded.definition,
    words,
    {
      data,
      env: options.env ?? {},
      adminPassword: ADMIN_PASSWORD,
      memory: options.kind === 'memory',
      inline: true,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.log === undefined ? {} : { log: options.log }),
    },
    { ...(await storesOf(options.kind)), ...options.seams, handlers },
  );
  onTestFinished(() => registry.close());
  return { registry, data, send: (method, target, request) => sendTo(registry, method, target, request) };
}

export const ADMIN_PASSWORD = 'correct horse battery';
export const ADMIN = { authorization: `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}` };

/** One request to a registry in this process; the body is read to its end. */
export async function sendTo(
  registry: Registry,
  method: string,
  target: string,
  options: TestRequest = {},
): Promise<TestResponse> {
  const { body, headers = {}, chunked = false } = options;
  let stream: Readable | null = null;
  let length: number | null = null;
  const sent = Object.entries(headers);
  if (body instanceof Readable) stream = body;
  else if (body !== undefined) {
    const bytes =
      typeof body === 'string' || body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    stream = Readable.from([bytes], { objectMode: false });
    if (!chunked) length = bytes.length;
    if (!(typeof body === 'string' || body instanceof Uint8Array)) sent.push(['content-type', 'application/json']);
  }
  const request: EngineRequest = {
    method,
    target,
    headers: sent.map(([name, value]) => [name.toLowerCase(), value]),
    body: stream,
    contentLength: length,
    ip: '127.0.0.1',
    baseUrl: 'http://registry.test',
    signal: new AbortController().signal,
  };
  const response = await registry.handle(request);
  const bytes = await collect(response.body);
  const text = bytes.toString();
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers.map(([name, value]) => [name.toLowerCase(), value])),
    bytes,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

async function collect(body: string | Uint8Array | Readable | null): Promise<Buffer> {
  if (body === null) return Buffer.alloc(0);
  if (typeof body === 'string' || body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.concat(await body.toArray());
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'entrepot-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
