import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { publication } from '../routes/npm/published.ts';
import { type NpmClient, openClient } from '../support/npm-clients.ts';
import { ENTREPOT, loginTo, type NpmServer } from '../support/npm-servers.ts';
import { packagesRegistry } from '../support/packages-registry.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const PACKAGES = 60;
const USER = { name: 'alice', password: 'a long enough password' };

/** Package number `n` depends on the next three and the one twice as far; every fifth has a scope. */
const nameOf = (n: number) => (n % 5 === 0 ? `@tree/p-${n}` : `tree-p-${n}`);

/** Clients know of loopback alone, if nothing else is said. */
const REACHING = { HTTP_PROXY: '', HTTPS_PROXY: '', NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS ?? '' };

interface LockedPackage {
  readonly version: string;
  readonly resolved: string;
  readonly integrity: string;
}

test('npm installs a tree of packages through a registry, and again when the upstream is gone', async () => {
  const upstream = await startServer(null);
  await publishTree(upstream);
  const server = await startServer(upstream.url);
  const direct = await install(openClient('npm', upstream.url, temporaryFolder()), [nameOf(1)]);
  const client = openClient('npm', server.url, temporaryFolder());
  const pulled = await install(client, [nameOf(1)]);
  expect(Object.keys(direct).length).toBeGreaterThanOrEqual(50);
  expectSame(pulled, direct, server.url);

  await upstream.process.stop();
  const again = await install(client, [nameOf(1)]);
  expectSame(again, direct, server.url);
  const other = await client.run(['install', 'never-pulled']);
  expect(other.code).toBe(1);
  expect(other.text).toMatch(/E502|502 Bad Gateway/);
  expect(other.text).toMatch(/The registry that never-pulled comes from does not answer/);
}, 120_000);

describe('the registry that this machine is configured for', async () => {
  const address = configuredRegistry();
  const reason = await whyNotThere(address);
  if (reason !== null) console.warn(`Skipped: npm through the configured registry: ${reason}`);
  const wanted = ['express', 'vite', 'typescript'];

  test.skipIf(reason !== null)(
    'gives what it gives directly',
    async () => {
      const server = await startServer(address);
      const direct = await install(openClient('npm', address, temporaryFolder()), wanted, REACHING);
      const client = openClient('npm', server.url, temporaryFolder());
      const pulled = await install(client, wanted);
      for (const name of wanted) expect(Object.keys(pulled)).toContain(name);
      expectSame(pulled, direct, server.url);
    },
    120_000,
  );
});

/** A registry that takes everything from an upstream; null: one that has everything itself. */
async function startServer(upstream: string | null): Promise<NpmServer> {
  const folder = temporaryFolder();
  const registry = packagesRegistry(
    upstream === null
      ? {}
      : {
          upstreams: { npm: { base_url: upstream, allow_private_addresses: true, retry: { backoff_ms: 10 } } },
          features: { npm_sources: [{ names: '**', is: 'upstream' }] },
        },
  );
  const server = await ENTREPOT.start({ folder, registry });
  onTestFinished(() => server.process.stop());
  return server;
}

async function publishTree(server: NpmServer): Promise<void> {
  await server.addUser(USER.name, USER.password);
  const token = await loginTo(server.url, USER.name, USER.password);
  const publish = async (n: number) => {
    const name = nameOf(n);
    const needed = [n + 1, n + 2, n + 3, n * 2].filter((other) => other <= PACKAGES);
    const dependencies = Object.fromEntries(needed.map((other) => [nameOf(other), '^1.0.0']));
    for (const version of ['1.0.0', '1.1.0']) {
      const body = JSON.stringify(await publication({ name, version, manifest: { dependencies } }));
      const response = await fetch(server.url + name.replace('/', '%2f'), {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
      });
      expect(response.status, await response.text()).toBe(201);
    }
  };
  await Promise.all(Array.from({ length: PACKAGES }, (_, index) => publish(index + 1)));
}

/** Installs into an empty project with an empty cache; the lock file's packages by name. */
async function install(
  client: NpmClient,
  names: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, LockedPackage>> {
  client.clearCaches();
  const project = join(client.home, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "version": "0.0.0", "private": true }');
  const outcome = await client.run(['install', ...names, '--ignore-scripts'], { cwd: project, env });
  expect(outcome.code, outcome.text).toBe(0);
  const { packages } = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  rmSync(project, { recursive: true });
  return Object.fromEntries(
    Object.entries<LockedPackage>(packages).flatMap(([path, locked]) =>
      path === '' ? [] : [[path.slice('node_modules/'.length), locked]],
    ),
  );
}

/** The same versions with the same bytes, which all came through the server. */
function expectSame(
  pulled: Readonly<Record<string, LockedPackage>>,
  direct: Readonly<Record<string, LockedPackage>>,
  url: string,
): void {
  const without = (all: typeof pulled) =>
    Object.fromEntries(Object.entries(all).map(([name, { version, integrity }]) => [name, { version, integrity }]));
  expect(without(pulled)).toEqual(without(direct));
  for (const { integrity, resolved } of Object.values(pulled)) {
    expect(integrity).toMatch(/^sha512-/);
    expect(resolved.startsWith(url), resolved).toBe(true);
  }
}

function configuredRegistry(): string {
  return execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

async function whyNotThere(address: string): Promise<string | null> {
  try {
    const response = await fetch(`${address}express`, { method: 'HEAD', signal: AbortSignal.timeout(5000) });
    return response.ok ? null : `${address} answers ${response.status}`;
  } catch (error) {
    return `${address} does not answer (${error instanceof Error ? error.message : error})`;
  }
}
