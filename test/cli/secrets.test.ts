import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { writeRegistry } from './definitions.ts';

const ADMIN_PASSWORD = 'a secret that admin has';
const UPSTREAM_TOKEN = 'upstream-secret-0123456789';
const GUESS = 'a guess that somebody made';
const NEXT = 'a secret that comes next';

/** Its upstream is told a secret, and sends it back in all that goes wrong; one route fails inside. */
const REGISTRY = {
  schema_version: '1.0',
  type_id: 'test.secrets',
  env: ['ORIGIN_URL'],
  storage: {
    kv_stores: { meta: { kind: 'sqlite' } },
    documents: { note: { store: 'meta', key_template: 'note/{name}' } },
  },
  auth: {
    scopes: [
      { name: 'read', actions: ['kv.get'] },
      { name: 'admin', actions: ['*'] },
    ],
  },
  upstreams: {
    origin: {
      base_url: '{env.ORIGIN_URL}',
      auth: { mode: 'bearer_token', token_env: 'ORIGIN_SIGN' },
      allow_private_addresses: true,
    },
  },
  api: {
    routes: [
      {
        id: 'through',
        method: 'GET',
        path: '/through/{path}',
        pipeline: [
          { op: 'proxy.fetch', args: { upstream: 'origin', path: '/{path}', out: 'answer' } },
          { op: 'respond.json', args: { body: { status: '$answer.status' } } },
        ],
      },
      {
        id: 'broken',
        method: 'POST',
        path: '/broken',
        pipeline: [
          { op: 'parse.json', args: { out: 'body' } },
          { op: 'respond.json', args: { body: { x: '{% $number(body.password) %}' } } },
        ],
      },
    ],
  },
};

/** An upstream that answers badly, whatever it is asked. */
async function badUpstream(): Promise<{ readonly url: string; readonly seen: () => readonly string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization ?? '');
    response.writeHead(200, { 'content-length': '1000' });
    response.write(`you said ${request.headers.authorization}`);
    response.destroy();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen: () => seen };
}

test('no secret is in any log line, answer, definition or file after all that people do', {
  timeout: 60_000,
}, async () => {
  const folder = temporaryFolder();
  const data = join(folder, 'data');
  const upstream = await badUpstream();
  const server = await startServerProcess({
    registry: writeRegistry(folder, 'secrets', REGISTRY),
    data,
    env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD, ORIGIN_URL: upstream.url, ORIGIN_SIGN: UPSTREAM_TOKEN },
  });
  onTestFinished(async () => {
    await server.kill('SIGKILL');
  });
  const answers: string[] = [];
  const send = async (method: string, path: string, authorization: string | null, body?: unknown) => {
    const response = await fetch(server.url + path, {
      method,
      headers: authorization === null ? {} : { authorization },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const head = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    answers.push(`${head}\n${text}`);
    return { status: response.status, text };
  };
  const basic = (password: string) => `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`;

  const secrets = [ADMIN_PASSWORD, UPSTREAM_TOKEN, GUESS, NEXT, basic(ADMIN_PASSWORD).slice(6), basic(GUESS).slice(6)];
  const login = await send('POST', '/auth/login', null, { username: 'admin', password: ADMIN_PASSWORD });
  answers.pop();
  const session: string = JSON.parse(login.text).token;
  const made = await send('POST', '/auth/tokens', `Bearer ${session}`, { name: 'ci' });
  answers.pop();
  const token: string = JSON.parse(made.text).token;
  secrets.push(session, token);

  await send('POST', '/auth/login', null, { username: 'admin', password: GUESS });
  await send('GET', '/auth/me', basic(GUESS));
  await send('GET', '/auth/me', `Bearer ${token}`);
  await send('GET', '/auth/tokens', basic(ADMIN_PASSWORD));
  await send('GET', '/auth/users', basic(ADMIN_PASSWORD));
  await send('GET', '/auth/users/admin', basic(ADMIN_PASSWORD));
  await send('POST', '/auth/users', `Bearer ${token}`, { username: 'x', password: NEXT, scopes: ['nothing'] });
  await send('POST', '/auth/users', `Bearer ${token}`, { username: 'eve', password: NEXT, scopes: ['read'] });
  await send('POST', '/auth/change-password', `Bearer ${token}`, { current_password: GUESS, new_password: NEXT });
  await send('GET', '/schema', null);
  await send('GET', '/ready', null);
  await send('GET', '/through/thing', `Bearer ${token}`);
  expect((await send('POST', '/broken', `Bearer ${token}`, { password: GUESS })).status).toBe(500);
  await send('GET', `/nothing?token=${token}&password=${encodeURIComponent(GUESS)}`, `Bearer ${token}`);
  await send('GET', '/nothing', `Bearer ${token} ${token}`);
  await send('POST', '/auth/logout', `Bearer ${session}`);
  await server.stop();

  expect(upstream.seen()).toContain(`Bearer ${UPSTREAM_TOKEN}`);
  const { stdout, stderr } = server.output();
  // Something went wrong and was told: there was something to look through.
  expect(stderr).toContain('EXPRESSION_FAILED');
  const stored = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
  expect(stored.join('')).toContain('$argon2id$');
  for (const secret of secrets) {
    expect(stdout.includes(secret) || stderr.includes(secret), `the log tells ${secret}`).toBe(false);
    expect(
      stored.some((content) => content.includes(secret)),
      `a file holds ${secret}`,
    ).toBe(false);
    for (const answer of answers) expect(answer.includes(secret), `${secret} is in ${answer}`).toBe(false);
  }
  expect(`${stdout}${stderr}${answers.join('')}`).not.toMatch(/\$argon2|ept_\w{49}/);
});
