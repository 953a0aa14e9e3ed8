import { expect } from 'vitest';
import { type Clock, systemClock } from '../../src/shared/clock.ts';
import { DEFAULT_REGISTRY, packagesRegistry } from '../support/packages-registry.ts';
import { ADMIN, openTestRegistry, type StoreKind, type TestRequest, type TestResponse } from '../support/registry.ts';
import { digestOf, expectUnchanged, type RegistryState, stateOf } from '../support/registry-state.ts';

/** What a pack's routes do, as data: requests in their order, each with its answer and with what the stores hold afterwards. */
export interface RouteCase {
  readonly name: string;
  /** Merge patch over the project's `schema.json`. */
  readonly registry?: object;
  readonly exchanges: readonly RouteExchange[];
}

/** In what is expected, `sha256(text)` stands for the digest of that text. A read and an error must leave the stores as they were. */
export interface RouteExchange {
  /** Method and target, as in `GET /v1/packages`. */
  readonly request: string;
  readonly as?: 'admin' | 'anonymous';
  readonly headers?: Readonly<Record<string, string>>;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: string | object;
  readonly status: number;
  /** The code of an error. */
  readonly error?: string;
  readonly json?: unknown;
  readonly text?: string;
  /** Null: not there. */
  readonly responseHeaders?: Readonly<Record<string, string | null>>;
  readonly then?: Partial<Omit<RegistryState, 'versions'>>;
}

/** The time in every case: 2026-01-02T03:04:05.678Z. */
const clock: Clock = { ...systemClock, now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };

export async function runCase(routeCase: RouteCase, kind: StoreKind): Promise<void> {
  const folder = routeCase.registry === undefined ? DEFAULT_REGISTRY : packagesRegistry(routeCase.registry);
  const { registry, send } = await openTestRegistry(folder, { kind, clock });
  let before = await stateOf(registry);
  for (const exchange of routeCase.exchanges) {
    const { request, then = {} } = exchange;
    const [method = '', target = ''] = request.split(' ');
    const response = await send(method, target, requestOf(exchange));
    checkResponse(exchange, response);
    const after = await stateOf(registry);
    if (method === 'GET' || method === 'HEAD' || response.status >= 400) expectUnchanged(before, after, request);
    if (then.records !== undefined) expect(after.records, request).toMatchObject(withDigests(then.records));
    if (then.events !== undefined) expect(after.events, request).toEqual(withDigests(then.events));
    if (then.blobs !== undefined) expect(after.blobs, request).toEqual(withDigests(then.blobs));
    before = after;
  }
}

function requestOf({ as, headers, body }: RouteExchange): TestRequest {
  return { headers: { ...(as === 'admin' ? ADMIN : {}), ...headers }, ...(body === undefined ? {} : { body }) };
}

function checkResponse(exchange: RouteExchange, response: TestResponse): void {
  const { request, status, error, json, text, responseHeaders = {} } = exchange;
  expect({ status: response.status, text: response.text }, request).toMatchObject({ status });
  if (status >= 400) {
    // An error always has this shape, and clients go by its code.
    const { details, ...shown } = response.json.error;
    expect(shown, request).toEqual({ code: error, message: expect.any(String), request_id: expect.any(String) });
    expect(response.text).not.toMatch(/\bat .*\.[jt]s:\d/);
  }
  if (json !== undefined) expect(response.json, request).toEqual(withDigests(json));
  if (text !== undefined) expect(response.text, request).toBe(text);
  for (const [name, value] of Object.entries(responseHeaders)) {
    expect(response.headers[name] ?? null, `${name} of ${request}`).toEqual(withDigests(value));
  }
}

function withDigests<T>(expected: T): T;
function withDigests(expected: unknown): unknown {
  if (typeof expected === 'string') return expected.replace(/sha256\((.*?)\)/g, (_all, text) => digestOf(text));
  if (Array.isArray(expected)) return expected.map((element) => withDigests(element));
  if (typeof expected !== 'object' || expected === null) return expected;
  return Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, withDigests(value)]));
}
