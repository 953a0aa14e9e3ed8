import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { childrenOf, endProcess } from '../support/process-tree.ts';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { type ServerProcess, startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { FAULT_ROUNDS, FAULT_SEED } from './fault-plan.ts';
import { readLedger } from './ledger.ts';
import { expectWhole, publishAll } from './publishing.ts';
import { createRandom } from './random.ts';

const UPLOADS = 120;
const MOST_BYTES = 200_000;
const CONNECTIONS = 8;

async function start(data: string): Promise<ServerProcess> {
  const env = { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD };
  const server = await startServerProcess({ data, env, args: ['--workers', '2'], startMs: 90_000 });
  onTestFinished(() => server.kill('SIGKILL').then(() => undefined));
  return server;
}

test('of workers that are killed while clients publish nothing is lost that was acknowledged, and the rest go on', {
  timeout: 60_000 + FAULT_ROUNDS * 40_000,
}, async () => {
  console.log(`FAULT_SEED=${FAULT_SEED} FAULT_ROUNDS=${FAULT_ROUNDS}`);
  const random = createRandom(FAULT_SEED);
  const folder = temporaryFolder();
  const place = { folder, data: join(folder, 'data'), ledger: join(folder, 'ledger') };
  const file = join(folder, 'content');
  for (let round = 1; round <= Math.ceil(FAULT_ROUNDS / 2); round++) {
    const server = await start(place.data);
    writeFileSync(file, randomBytes(random(1, MOST_BYTES)));
    const uploads = Array.from({ length: UPLOADS }, (_, number) => ({
      file,
      target: `/v1/killed/thing-${number % 7}/${round}.${number}.0/any/blob`,
      mark: `${round} ${number}`,
    }));
    const kills = [random(5, UPLOADS / 3), random(UPLOADS / 2, UPLOADS - 20)];
    const killed: Promise<void>[] = [];
    const answers = await publishAll(
      server,
      uploads,
      place,
      (count) => {
        if (count < (kills[killed.length] ?? Number.POSITIVE_INFINITY)) return;
        const workers = childrenOf(server.pid);
        killed.push(endProcess(workers[random(0, workers.length)] ?? 0));
      },
      true,
    );
    await Promise.all(killed);
    expect(killed.length).toBe(2);
    // At most what was under way on the connections of those that were killed is not answered.
    const answered = answers.values().reduce((sum, count) => sum + count, 0);
    expect(answered).toBeGreaterThanOrEqual(UPLOADS - 2 * CONNECTIONS);
    // 503: a machine that is busy with other things may say that.
    expect(['201', '503']).toEqual(expect.arrayContaining([...answers.keys()]));
    await expect.poll(() => childrenOf(server.pid).length, { timeout: 20_000 }).toBe(2);
    const absent = await expectWhole(server, place);
    console.log(`round ${round}: ${readLedger(place.ledger).size} meant, ${absent.length} absent`, answers);
    await server.stop();
  }
});

/** Publishes on a connection that is kept until the server ends it; notes the numbers that were stored, and fails where one had no answer. */
async function publishUntilEnd(url: string, client: number, stored: number[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let [count, closing] = [0, false]; !closing; count++) {
    const target = `${url}/v1/stopped/thing-${client}/1.${count}.0/any/blob`;
    const outgoing = request(target, { method: 'PUT', agent, headers: ADMIN });
    outgoing.end(`${client} ${count}`);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
    closing = incoming.headers.connection === 'close';
    if (incoming.statusCode === 201) stored.push(count);
    // A machine that is busy with other things may say that.
    else expect(JSON.parse(text).error.code).toBe('CPU_LIMIT');
  }
  agent.destroy();
}

test('a server that stops under load answers every request that it was sent', { timeout: 240_000 }, async () => {
  const folder = temporaryFolder();
  const server = await start(join(folder, 'data'));
  const stored = Array.from({ length: CONNECTIONS }, (): number[] => []);
  const clients = stored.map((counts, client) => publishUntilEnd(server.url, client, counts));
  await expect.poll(() => stored.flat().length, { timeout: 30_000 }).toBeGreaterThan(5 * CONNECTIONS);
  const ended = server.kill('SIGTERM');
  await Promise.all(clients);
  expect(await ended).toEqual({ code: 0, signal: null });
  const again = await start(join(folder, 'data'));
  for (const [client, counts] of stored.entries()) {
    for (const count of counts.slice(-3)) {
      const found = await fetch(`${again.url}/v1/stopped/thing-${client}/1.${count}.0/any/blob`);
      expect([found.status, await found.text()]).toEqual([200, `${client} ${count}`]);
    }
  }
  await again.stop();
});
