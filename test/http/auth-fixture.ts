import { openIdentity } from '../../src/identity/identity.ts';
import { CHEAP, memoryStore, steppingClock } from '../identity/fixture.ts';
import { type FakeRegistry, respond, serve } from './fake-registry.ts';

export const PASSWORD = 'correct horse battery';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed; throws where the body is no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server sent; what is expected of it says the rest
  readonly json: any;
}

/** A server whose registry has the users `root` (administrator), `ada` and `bob` (who may read and publish). */
export async function serveIdentity(more: FakeRegistry = {}) {
  const clock = steppingClock(Date.now());
  const store = await memoryStore(clock);
  const identity = openIdentity({
    store,
    clock,
    scopes: ['read', 'publish', 'admin'],
    adminScopes: ['admin'],
    hashCost: CHEAP,
  });
  await identity.createUser({ username: 'root', password: PASSWORD, scopes: ['*'] });
  for (const username of ['ada', 'bob'])
    await identity.createUser({ username, password: PASSWORD, scopes: ['read', 'publish'], org: 'acme' });
  const server = await serve(() => respond('of the registry'), { ...more, identity });

  /** One request; `token` is sent as a bearer, `body` as JSON. */
  async function send(method: string, path: string, token: string | null = null, body?: unknown): Promise<Answer> {
    const response = await fetch(server.url + path, {
      method,
      headers: token === null ? {} : { authorization: token.includes(' ') ? token : `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text);
      },
    };
  }
  const login = async (username: string, password = PASSWORD): Promise<string> =>
    (await send('POST', '/auth/login', null, { username, password })).json.token;

  return { server, identity, send, login };
}

export function basic(username: string, password = PASSWORD): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
