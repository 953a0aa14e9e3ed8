import { createHash } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import { openRawConnection, type RawAnswer } from '../support/raw-request.ts';
import { ADMIN } from '../support/registry.ts';
import { digestOf, type RegistryState, stateOf } from '../support/registry-state.ts';
import { AS_ADMIN, answerOn, BLOB, type RunningRegistry, runRegistry } from './running-registry.ts';

const CLIENTS = 100;
const TOOL = '/v1/acme/tool';

let running: RunningRegistry | null = null;

afterEach(async () => {
  await running?.remove();
  running = null;
});

interface Put {
  readonly path: string;
  readonly body: string;
}

/** Sends all requests but the last byte of each, so that the server has begun with every one; then the last bytes, in one go. */
async function putAtOnce(port: number, puts: readonly Put[]): Promise<readonly RawAnswer[]> {
  const connections = await Promise.all(puts.map(() => openRawConnection(port)));
  for (const [index, { path, body }] of puts.entries()) {
    const head = `PUT ${path} HTTP/1.1\r\nHost: a\r\n${AS_ADMIN}Content-Length: ${body.length}\r\n\r\n`;
    connections[index]?.send(head + body.slice(0, -1));
  }
  await expect.poll(() => running?.temporaryFiles().length, { timeout: 10_000 }).toBe(puts.length);
  for (const [index, { body }] of puts.entries()) connections[index]?.send(body.slice(-1));
  const answers = await Promise.all(connections.map(answerOn));
  for (const connection of connections) connection.close();
  return answers;
}

/** Ends the server, and reads what it left; the blobs that nothing names go when the next one starts. */
async function stateAfterwards(
  registry: RunningRegistry,
): Promise<RegistryState & { readonly log: readonly Logged[] }> {
  await registry.server.stop();
  expect(registry.server.output().stderr).toBe('');
  const opened = await registry.open();
  try {
    const state = await stateOf(opened);
    const log = await opened.runtime.store('meta').events(0, 1000);
    const commits = log.map(({ position, version }) => ({ position, version }));
    return { ...state, log: commits };
  } finally {
    await opened.close();
  }
}

interface Logged {
  readonly position: number;
  readonly version: number;
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  expect(response.status, url).toBe(200);
  return response.json();
}

test('of 100 clients that publish one version at once, one does', async () => {
  running = await runRegistry({});
  const { server } = running;
  // Larger than what is held in memory, so that every one has a file of its own.
  const bodies = Array.from({ length: CLIENTS }, (_, index) =>
    `${index}`.padEnd(100_000, createHash('md5').update(`${index}`).digest('hex')),
  );
  const answers = await putAtOnce(
    server.port,
    bodies.map((body) => ({ path: BLOB, body })),
  );
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 201).length).toBe(1);
  expect(statuses.filter((status) => status === 409).length).toBe(CLIENTS - 1);
  for (const { status, body } of answers) {
    if (status === 409) expect(JSON.parse(body.toString()).error.code).toBe('ALREADY_EXISTS');
  }
  const winner = bodies[statuses.indexOf(201)] ?? '';
  expect(await (await fetch(server.url + BLOB)).text()).toBe(winner);
  expect(running.temporaryFiles()).toEqual([]);

  const { events, records, blobs } = await stateAfterwards(running);
  expect(events).toEqual([expect.objectContaining({ type: 'packages.published', blob_digest: digestOf(winner) })]);
  expect(records['packages.artifact']).toMatchObject([{ version: '1.0.0', blob_digest: digestOf(winner) }]);
  expect(blobs).toEqual([digestOf(winner)]);
});

test('100 versions of a package at once are all published', async () => {
  running = await runRegistry({});
  const { server } = running;
  const versions = Array.from({ length: CLIENTS }, (_, index) => `1.${index}.0`);
  const puts = versions.map((version) => ({ path: `${TOOL}/${version}/any/blob`, body: version.padEnd(100_000, '.') }));
  const answers = await putAtOnce(server.port, puts);
  expect(answers.map(({ status }) => status)).toEqual(new Array(CLIENTS).fill(201));

  expect(await getJson(`${server.url}${TOOL}/latest`)).toMatchObject({ version: '1.99.0' });
  const { items } = (await getJson(`${server.url}${TOOL}/versions?limit=1000`)) as { items: { version: string }[] };
  expect(items.map(({ version }) => version)).toEqual(versions.toReversed());
  expect(await getJson(`${server.url}/v1/packages`)).toMatchObject({ items: [{ name: 'tool' }], next: null });

  const { events, records, blobs, log, versions: stored } = await stateAfterwards(running);
  expect(events.map(({ version }) => String(version)).sort()).toEqual(versions.toSorted());
  expect(records['packages.package']?.length).toBe(1);
  expect(blobs.length).toBe(CLIENTS);
  // Positions and commits grow from event to event, and each event came with the commit that wrote its record.
  expect(log.map(({ position }) => position)).toEqual(log.map(({ position }) => position).toSorted((a, b) => a - b));
  expect(new Set(log.map(({ version }) => version)).size).toBe(CLIENTS);
  expect(log.map(({ version }) => version)).toEqual(log.map(({ version }) => version).toSorted((a, b) => a - b));
  for (const [index, { version }] of events.entries()) {
    expect(stored).toContain(`packages.artifact artifact/acme/tool/${version}/any ${log[index]?.version}`);
  }
});

test('tags that are set while their versions are deleted never point to nothing', async () => {
  running = await runRegistry({});
  const { url } = running.server;
  const send = async (method: string, path: string, body?: string) => {
    const response = await fetch(url + path, { method, headers: ADMIN, ...(body === undefined ? {} : { body }) });
    await response.arrayBuffer();
    return response.status;
  };
  const versions = Array.from({ length: 25 }, (_, index) => `1.${index}.0`);
  for (const version of versions) expect(await send('PUT', `${TOOL}/${version}/any/blob`, version)).toBe(201);
  const statuses = await Promise.all(
    versions.flatMap((version, index) => {
      const target = JSON.stringify({ target_version: version, target_variant: 'any' });
      const set = () => send('PUT', `${TOOL}/tags/t-${index}`, target);
      const remove = () => send('DELETE', `${TOOL}/${version}/any/blob`);
      const move = () => send('PUT', `${TOOL}/tags/moving`, target);
      return index % 2 === 0 ? [set(), remove(), move()] : [remove(), move(), set()];
    }),
  );
  expect([...new Set(statuses)].filter((status) => status !== 200 && status !== 404)).toEqual([]);

  const { records, events } = await stateAfterwards(running);
  expect(records).toMatchObject({ 'packages.artifact': [], 'packages.tag': [], 'packages.package': [] });
  // The log tells the same: whatever tag was set was taken away before or with its version.
  const tags = new Map<unknown, unknown>();
  for (const event of events) {
    if (event.type === 'packages.tag_updated') tags.set(event.tag, event.target_version);
    if (event.type === 'packages.tag_deleted') expect(tags.delete(event.tag)).toBe(true);
    if (event.type === 'packages.deleted') expect([...tags.values()]).not.toContain(event.version);
  }
  expect(tags.size).toBe(0);
});
