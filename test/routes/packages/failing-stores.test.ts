import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { guardRecordStore } from '../../../src/adapters/guards/record-store.ts';
import type { RecordStore } from '../../../src/ports/record-store.ts';
import { DEFAULT_REGISTRY } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry, STORE_KINDS, type StoreKind, type TestResponse } from '../../support/registry.ts';
import { expectUnchanged, stateOf } from '../../support/registry-state.ts';

const TOOL = '/v1/acme/tool';
const BLOB = `${TOOL}/1.0.0/any/blob`;
const INSIDE = 'the platter has come off its spindle';

interface Logged {
  readonly entry: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A registry whose record store fails in one method while `broken.method` names it. */
async function openFailing(kind: StoreKind) {
  const broken: { method: keyof RecordStore | null } = { method: null };
  const log: Logged[] = [];
  const failing = (store: RecordStore): RecordStore =>
    new Proxy(store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...values: unknown[]) => {
          if (name === broken.method) throw new Error(INSIDE);
          return Reflect.apply(member, target, values);
        };
      },
    });
  const write = (entry: object, message: string) => void log.push({ entry: { ...entry }, message });
  const registry = await openTestRegistry(DEFAULT_REGISTRY, {
    kind,
    log: { error: write, warn: write },
    // The failure comes from below the guard that stands before every store.
    seams: { wrapRecordStore: (store) => guardRecordStore(failing(store)) },
  });
  return { ...registry, broken, log };
}

/** Code and incident id go to the client, the cause to the log, under the same id. */
function expectIncident(response: TestResponse, code: string, logged: readonly Logged[]): void {
  expect({ status: response.status, text: response.text }).toMatchObject({ status: 503 });
  const { error } = response.json;
  expect(error).toEqual({ code, message: expect.any(String), request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(response.text).not.toContain(INSIDE);
  expect(logged.map(({ entry }) => entry)).toEqual([expect.objectContaining({ request_id: error.request_id, code })]);
  const { err } = logged[0]?.entry ?? {};
  expect(err).toBeInstanceOf(Error);
  expect((err as Error).cause).toBeInstanceOf(Error);
}

describe.each(STORE_KINDS)('a failing store, on %s', (kind) => {
  test.each([
    ['commit', 'PUT', `${TOOL}/2.0.0/any/blob`],
    ['get', 'PUT', `${TOOL}/2.0.0/any/blob`],
    ['commit', 'DELETE', BLOB],
    ['query', 'DELETE', BLOB],
    ['get', 'GET', BLOB],
    ['query', 'GET', `${TOOL}/latest`],
    ['query', 'GET', '/v1/packages'],
  ] as const)('in %s makes an incident of %s %s, and leaves everything as it was', async (method, verb, path) => {
    const { registry, send, broken, log } = await openFailing(kind);
    const admin = await registry.identity.login('admin', 'correct horse battery');
    const headers = { authorization: `Bearer ${admin.token}` };
    expect((await send('PUT', BLOB, { body: 'kept', headers })).status).toBe(201);
    const before = await stateOf(registry);

    broken.method = method;
    const anonymous = verb === 'GET';
    const response = await send(verb, path, {
      ...(anonymous ? {} : { headers }),
      ...(verb === 'PUT' ? { body: 'lost' } : {}),
    });
    broken.method = null;
    expectIncident(response, 'STORE_FAILURE', log);
    expect(log[0]?.entry.err).toMatchObject({ cause: { message: INSIDE } });
    expectUnchanged(before, await stateOf(registry), path);

    // It is well again, and so is the registry.
    expect((await send('PUT', `${TOOL}/2.0.0/any/blob`, { body: 'new', headers })).status).toBe(201);
    expect((await send('GET', `${TOOL}/latest`)).json.version).toBe('2.0.0');
  });
});

test('a blob store that cannot write makes an incident, and records stay as they were', async () => {
  const { registry, send, log, data } = await openFailing('sqlite');
  expect((await send('PUT', BLOB, { body: 'kept', headers: ADMIN })).status).toBe(201);
  const before = await stateOf(registry);
  // Where files are begun there is no folder any more.
  rmSync(join(data, 'blobs/tmp'), { recursive: true });
  writeFileSync(join(data, 'blobs/tmp'), '');
  const response = await send('PUT', `${TOOL}/2.0.0/any/blob`, { body: 'x'.repeat(300_000), headers: ADMIN });
  expectIncident(response, 'BLOB_STORE_FAILURE', log);
  expect(response.text).not.toContain(data);
  expect((await send('GET', BLOB)).text).toBe('kept');
  expect((await send('GET', `${TOOL}/2.0.0/any`)).status).toBe(404);
  const { events } = registry.runtime.store('meta');
  expect(await events(0, 10)).toHaveLength(before.events.length);
});

test('a blob that is lost is the registry’s own fault, not the client’s', async () => {
  const { registry, send, log } = await openFailing('sqlite');
  await send('PUT', BLOB, { body: 'kept', headers: ADMIN });
  const { blobs } = await stateOf(registry);
  for (const digest of blobs) await registry.runtime.blobStore('primary').delete(digest);
  const response = await send('GET', BLOB);
  expect(response).toMatchObject({ status: 500, json: { error: { code: 'BLOB_MISSING' } } });
  expect(log.map(({ entry }) => entry)).toMatchObject([{ request_id: response.json.error.request_id }]);
});
