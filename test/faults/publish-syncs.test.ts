import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { parseTrace, STRACE_OPTIONS, type SystemCall } from './system-calls.ts';
import { requireTracing } from './tracing.ts';

const PUBLISHES = 64;
const ROUNDS = 3;
/** Longer than an fsync takes here, so that what waits for it shows. */
const SYNC_MS = 2;

it('syncs blobs that are published at once beside each other, and their records together', {
  timeout: 60_000,
}, async (context) => {
  await requireTracing(context, 'start');
  const folder = temporaryFolder();
  const output = join(folder, 'trace');
  const delay = ['-e', 'trace=fsync,fdatasync', '-e', `inject=fsync,fdatasync:delay_exit=${SYNC_MS * 1000}`];
  const server = await startServerProcess({
    data: join(folder, 'data'),
    wrapper: ['strace', '-D', '--seccomp-bpf', ...STRACE_OPTIONS, ...delay, '-o', output],
    env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD },
  });
  onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
  const publish = async (number: number) => {
    const url = `${server.url}/v1/synced/thing-${number}/1.0.0/any/blob`;
    const response = await fetch(url, { method: 'PUT', headers: ADMIN, body: randomBytes(10_000) });
    expect(response.status).toBe(201);
  };
  const callsSoFar = async () => parseTrace(await readFile(output, 'utf8'));
  await publish(0);
  const round = async (first: number) => {
    const before = (await callsSoFar()).length;
    await Promise.all(Array.from({ length: PUBLISHES }, (_, number) => publish(first + number)));
    return (await callsSoFar()).slice(before);
  };
  const logOf = (calls: readonly SystemCall[]) => calls.filter(({ path }) => path?.endsWith('-wal'));
  let calls = await round(1);
  // On a busy machine publishes do not always arrive together: then they are made again.
  for (let again = 1; again < ROUNDS && logOf(calls).length > PUBLISHES / 2; again++) {
    calls = await round(1 + again * PUBLISHES);
  }
  const log = logOf(calls);
  const blobs = calls.filter(({ path }) => path?.includes('/blobs/'));
  const beside = blobs.filter((call) => blobs.some((other) => isBeside(call, other)));
  console.log(
    `${PUBLISHES} publishes: ${log.length} fsyncs of the log, ${blobs.length} of blobs, ${beside.length} of them beside others`,
  );
  // Each blob's own, and that of its folder.
  expect(blobs.length).toBeGreaterThanOrEqual(2 * PUBLISHES);
  expect(beside.length).toBeGreaterThan(blobs.length / 2);
  expect(log.length).toBeLessThanOrEqual(PUBLISHES / 2);
  // Nothing waits in the thread that answers requests.
  expect(calls.filter(({ thread }) => thread === server.pid)).toEqual([]);
});

/** Neither had ended when the other began. */
const isBeside = (one: SystemCall, other: SystemCall) =>
  one.thread !== other.thread && one.began < other.ended && other.began < one.ended;
