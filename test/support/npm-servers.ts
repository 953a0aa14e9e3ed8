import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../house/source-files.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import { startVerdaccio } from './verdaccio.ts';

/** A server of the npm protocol that clients are tried on, and what it is known not to do. */
export interface NpmServerKind {
  readonly name: string;
  /** What it is that must be there first and is not; null: it can start. */
  readonly missing: string | null;
  /** Tests of these things are left out. */
  readonly lacks: ReadonlySet<Ability>;
  start(options: NpmServerOptions): Promise<NpmServer>;
}

/** What not every server of the protocol does. */
export type Ability =
  | 'a refusal of false tokens'
  | 'audit'
  | 'owners'
  | 'versions gone for good'
  | 'whole search results';

export interface NpmServerOptions {
  /** An empty folder, or one that such a server has filled. */
  readonly folder: string;
  /** Where Entrepot keeps its records: a value of `--store`; null: what the definition says. */
  readonly store?: string | null;
  /** Entrepot's definition; default: the project's own. */
  readonly registry?: string;
  /** Entrepot's program; default: this checkout's. */
  readonly program?: string;
  /** Put before the server's command line. */
  readonly wrapper?: readonly string[];
}

export interface NpmServer {
  readonly process: Pick<ServerProcess, 'pid' | 'stop'>;
  /** Of the registry, as clients are configured with it; ends in a slash. */
  readonly url: string;
  /** Makes somebody who may read and publish. */
  addUser(name: string, password: string): Promise<void>;
}

/** The pack's mount path. */
const MOUNT = '/npm/';
const ADMIN_PASSWORD = 'correct horse battery';

export const ENTREPOT: NpmServerKind = {
  name: 'Entrepot',
  missing: existsSync(join(ROOT, 'routes/npm/pack.json')) ? null : 'the pack',
  lacks: new Set(),
  async start({ folder, store = null, registry, program, wrapper }) {
    const server = await startServerProcess({
      data: join(folder, 'data'),
      env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD },
      // On a busy machine everything is slow.
      args: ['--slow-ms', '60000', ...(store === null ? [] : ['--store', store])],
      ...(registry === undefined ? {} : { registry }),
      ...(program === undefined ? {} : { program }),
      ...(wrapper === undefined ? {} : { wrapper }),
    });
    return {
      process: server,
      url: server.url + MOUNT,
      async addUser(username, password) {
        await expectAnswer(201, `${server.url}/auth/users`, {
          method: 'POST',
          headers: { authorization: basic('admin', ADMIN_PASSWORD), 'content-type': 'application/json' },
          body: JSON.stringify({ username, password, scopes: ['read', 'write'] }),
        });
      },
    };
  },
};

/** Known to work with all clients: what they are tried on where it is in doubt who is wrong. */
export const VERDACCIO: NpmServerKind = {
  name: 'Verdaccio',
  missing: null,
  lacks: new Set(['a refusal of false tokens', 'audit', 'owners', 'versions gone for good', 'whole search results']),
  async start({ folder, wrapper = [] }) {
    const server = await startVerdaccio(folder, wrapper);
    const url = `${server.url}/`;
    // The form makes whoever is not there yet.
    return { process: server, url, addUser: async (name, password) => void (await loginTo(url, name, password)) };
  },
};

/** The server under test; `NPM_SERVER=verdaccio` tries the tests themselves. */
export const NPM_SERVER: NpmServerKind = process.env.NPM_SERVER === 'verdaccio' ? VERDACCIO : ENTREPOT;

/** A token, from the form that clients fall back to (`PUT /-/user/org.couchdb.user:NAME`). Fails when it is refused. */
export async function loginTo(url: string, name: string, password: string): Promise<string> {
  const response = await expectAnswer(201, `${url}-/user/org.couchdb.user:${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: {
      authorization: basic(name, password),
      'content-type': 'application/json',
    },
    body: JSON.stringify({ _id: `org.couchdb.user:${name}`, name, password, type: 'user', roles: [] }),
  });
  const { token } = (await response.json()) as { readonly token: string };
  return token;
}

const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

async function expectAnswer(status: number, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status === status) return response;
  throw new Error(`${init.method} ${url} answered ${response.status}: ${await response.text()}`);
}
