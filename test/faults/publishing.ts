import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { ADMIN } from '../support/registry.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { inspectData, transientFiles } from './inspect-data.ts';
import { readLedger } from './ledger.ts';
import type { Upload } from './publish-client.ts';

/** Where a test of publishes has its things. */
export interface PublishPlace {
  /** For files of this test's own. */
  readonly folder: string;
  /** The servers' data. */
  readonly data: string;
  /** Where their records are, as `--store` has it; absent or null: in their data. */
  readonly store?: string | null;
  readonly ledger: string;
}

let clients = 0;

/**
 * Publishes from another process, until all are published or the server is gone; with `goOn` a connection that breaks ends nothing.
 * `onAnswer` hears how many answers came so far; returns how many came of each status.
 */
export async function publishAll(
  server: ServerProcess,
  uploads: readonly Upload[],
  { folder, ledger }: PublishPlace,
  onAnswer: (count: number) => void = () => {},
  goOn = false,
): Promise<ReadonlyMap<string, number>> {
  const list = join(folder, `uploads-${++clients}.json`);
  await writeFile(list, JSON.stringify(uploads));
  const client = spawn(process.execPath, [join(import.meta.dirname, 'publish-client.ts'), server.url, list, ledger], {
    env: { ...process.env, AUTHORIZATION: ADMIN.authorization, GO_ON: goOn ? '1' : '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  const answers: string[] = [];
  client.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  client.stdout.setEncoding('utf8').on('data', (text: string) => {
    answers.push(...text.split('\n').filter(Boolean));
    onAnswer(answers.length);
  });
  const [code] = await once(client, 'close');
  expect([code, errors]).toEqual([0, '']);
  return new Map(
    Map.groupBy(answers, (status) => status)
      .entries()
      .map(([status, all]) => [status, all.length]),
  );
}

/** Null where there is no such thing. */
export async function fetchDigest(server: ServerProcess, target: string): Promise<string | null> {
  const response = await fetch(server.url + target);
  if (response.status === 404) {
    await response.arrayBuffer();
    return null;
  }
  expect(response.status, target).toBe(200);
  const hash = createHash('sha256');
  for await (const chunk of response.body!) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** What the server has of everything that the ledger names, 8 fetches at a time. */
export async function fetchAll(server: ServerProcess, ledger: string): Promise<ReadonlyMap<string, string | null>> {
  const found = new Map<string, string | null>();
  const targets = readLedger(ledger).keys();
  const work = async () => {
    for (const target of targets) found.set(target, await fetchDigest(server, target));
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return found;
}

/** Compares a server, its data and the ledger, while nobody publishes; returns what the server does not have. */
export async function expectWhole(
  server: ServerProcess,
  { data, store, ledger }: PublishPlace,
): Promise<readonly string[]> {
  const fetched = await fetchAll(server, ledger);
  const absent: string[] = [];
  const wrong: string[] = [];
  for (const [target, { digest, acknowledged }] of readLedger(ledger)) {
    const found = fetched.get(target);
    if (found === null && !acknowledged) absent.push(target);
    else if (found !== digest) wrong.push(`${target}: ${found} in place of ${digest}, acknowledged: ${acknowledged}`);
  }
  expect(wrong).toEqual([]);
  // Servers sweep when they start.
  await expect.poll(() => transientFiles(data), { timeout: 10_000 }).toEqual([]);
  const view = await inspectData(data, store);
  expect(view.faults).toEqual([]);
  expect(view.artifacts).toEqual(new Map([...fetched].filter(([, digest]) => digest !== null)));
  return absent;
}
