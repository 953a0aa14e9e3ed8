import type { LookupAddress } from 'node:dns';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpUpstreamOptions } from '../../src/adapters/upstream/http.ts';
import { parseChallenge } from '../../src/adapters/upstream/http-challenge.ts';
import {
  createQuickClock,
  openTestUpstream,
  readBody,
  request,
  startServer,
  type TestServer,
} from './upstream-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  const server = await startServer(...parameters);
  closing.push(server.close);
  return server;
}

function open(baseUrl: string, options: Partial<HttpUpstreamOptions> = {}) {
  const upstream = openTestUpstream(baseUrl, options);
  closing.push(upstream.close);
  return upstream;
}

function resolveTo(...addresses: string[]): NonNullable<HttpUpstreamOptions['resolve']> {
  return (_host, _options, done) => {
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    done(null, found);
  };
}

const BASIC = { mode: 'basic', username: 'user', password: 'word' } as const;
const BASIC_HEADER = `Basic ${Buffer.from('user:word').toString('base64')}`;

describe('addresses of an http upstream', () => {
  const refused = { code: 'UPSTREAM_ADDRESS_REFUSED' };

  it.each([
    'http://127.0.0.1',
    'http://127.1',
    'http://2130706433',
    'http://0x7f.0.0.1',
    'http://0.0.0.0',
    'http://10.1.2.3',
    'http://172.16.0.1',
    'http://192.168.1.1',
    'http://169.254.169.254',
    'http://100.64.0.1',
    'http://224.0.0.1',
    'http://255.255.255.255',
    'http://[::1]',
    'http://[::]',
    'http://[fe80::1]',
    'http://[fd00::1]',
    'http://[ff02::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:10.0.0.1]',
    'http://[64:ff9b::10.0.0.1]',
    'http://[2002:7f00:1::]',
  ])('reaches no %s', async (origin) => {
    await expect(open(origin, { allowPrivateAddresses: false }).fetch(request('/'))).rejects.toMatchObject(refused);
  });

  it.each([
    ['127.0.0.1'],
    ['93.184.216.34', '10.0.0.1'],
    ['::ffff:192.168.0.1'],
    ['2606:2800:220:1::1', 'fe80::1'],
    ['not an address'],
  ])('reaches no name that stands for %s', async (...addresses) => {
    const upstream = open('http://inside.test', { allowPrivateAddresses: false, resolve: resolveTo(...addresses) });
    await expect(upstream.fetch(request('/'))).rejects.toMatchObject(refused);
  });

  it("reaches no localhost by the machine's own names", async () => {
    const server = await serve((_, response) => response.end('secret'));
    const upstream = open(`http://localhost:${server.port}`, { allowPrivateAddresses: false, maxAttempts: 3 });
    await expect(upstream.fetch(request('/'))).rejects.toMatchObject(refused);
    expect(server.requests).toEqual([]);
  });

  it('reaches private addresses where that is allowed, but never those of nobody or of all', async () => {
    const server = await serve((_, response) => response.end('inside'));
    const upstream = open(`http://inside.test:${server.port}`, { resolve: resolveTo('127.0.0.1') });
    expect(await readBody(await upstream.fetch(request('/')))).toBe('inside');
    for (const host of ['0.0.0.0', '224.0.0.1', '[::]']) {
      await expect(open(`http://${host}:${server.port}`).fetch(request('/'))).rejects.toMatchObject(refused);
    }
  });

  it('does not let an answer say what lies inside', async () => {
    const failure = await open('http://10.9.8.7', { allowPrivateAddresses: false })
      .fetch(request('/'))
      .catch((error: unknown) => error);
    expect(String(failure)).not.toContain('10.9.8.7');
  });
});

describe('redirects of an http upstream', () => {
  it('follows five, and no sixth', async () => {
    const server = await serve((incoming, response) => {
      const left = Number(incoming.url?.slice(1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: `/${left - 1}` }).end();
    });
    const upstream = open(server.origin, { maxAttempts: 3 });
    expect(await readBody(await upstream.fetch(request('/5')))).toBe('there');
    await expect(upstream.fetch(request('/6'))).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
    expect(server.requests).toHaveLength(12);
  });

  it('checks the address of each target', async () => {
    // The start is a public address by name, which the test's resolver leads to loopback only for the first server.
    const inner = await serve((_, response) => response.end('secret'));
    const outer = await serve((_, response) =>
      response.writeHead(302, { location: `http://0.0.0.0:${inner.port}/` }).end(),
    );
    await expect(open(outer.origin).fetch(request('/'))).rejects.toMatchObject({ code: 'UPSTREAM_ADDRESS_REFUSED' });
    expect(inner.requests).toEqual([]);
  });

  it.each(['file:///etc/passwd', 'ftp://host/', 'http://'])('does not follow to %s', async (location) => {
    const server = await serve((_, response) => response.writeHead(302, { location }).end());
    await expect(open(server.origin).fetch(request('/'))).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
  });

  it('answers with a redirect that leads nowhere', async () => {
    const server = await serve((_, response) => response.writeHead(304).end());
    expect((await open(server.origin).fetch(request('/'))).status).toBe(304);
    const bare = await serve((_, response) => response.writeHead(302).end());
    expect((await open(bare.origin).fetch(request('/'))).status).toBe(302);
  });

  it.each([
    ['basic', BASIC, 'authorization'],
    ['bearer_token', { mode: 'bearer_token', token: 't' }, 'authorization'],
    ['api_key', { mode: 'api_key', header: 'X-Key', token: 't' }, 'x-key'],
  ] as const)('keeps %s credentials on the server they are for', async (_, auth, header) => {
    const other = await serve((incoming, response) => {
      if (incoming.url === '/back') response.writeHead(307, { location: `${own.origin}/end` }).end();
      else response.end();
    });
    const own: TestServer = await serve((incoming, response) => {
      if (incoming.url === '/start') response.writeHead(302, { location: '/next' }).end();
      else if (incoming.url === '/next') response.writeHead(302, { location: `${other.origin}/back` }).end();
      else response.end('done');
    });
    const headers = { cookie: 'a=b', accept: 'text/x' };
    expect(await readBody(await open(own.origin, { auth }).fetch(request('/start', { headers })))).toBe('done');
    const seen = [...own.requests.slice(0, 2), ...other.requests, ...own.requests.slice(2)];
    expect(seen.map(({ headers: sent }) => sent[header] !== undefined)).toEqual([true, true, false, false]);
    expect(seen.map(({ headers: sent }) => sent.cookie)).toEqual(['a=b', 'a=b', undefined, undefined]);
    expect(seen.map(({ headers: sent }) => sent.accept)).toEqual(Array(4).fill('text/x'));
  });

  it('drops credentials given with the request, and those in an address', async () => {
    const other = await serve((_, response) => response.end());
    const own = await serve((_, response) => {
      response.writeHead(302, { location: other.origin.replace('//', '//someone:else@') }).end();
    });
    await open(own.origin).fetch(request('/', { headers: { Authorization: 'Bearer mine' } }));
    expect(own.requests[0]?.headers.authorization).toBe('Bearer mine');
    expect(other.requests[0]?.headers.authorization).toBeUndefined();
  });

  it.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [303, 'HEAD', 'HEAD', ''],
    [302, 'PUT', 'PUT', 'content'],
    [307, 'POST', 'POST', 'content'],
    [308, 'POST', 'POST', 'content'],
  ])('after %i goes on from %s with %s', async (status, method, next, body) => {
    const server = await serve((incoming, response) => {
      if (incoming.url === '/') response.writeHead(status, { location: '/next' }).end();
      else response.end();
    });
    const content = method === 'HEAD' ? null : Buffer.from('content');
    await open(server.origin).fetch(request('/', { method, body: content, headers: { 'content-type': 'text/x' } }));
    expect(server.requests[1]).toMatchObject({ line: `${next} /next`, body });
  });
});

describe('credentials of an http upstream', () => {
  it.each([
    [BASIC, 'authorization', BASIC_HEADER],
    [{ mode: 'bearer_token', token: 'abc' }, 'authorization', 'Bearer abc'],
    [{ mode: 'api_key', header: 'X-Key', token: 'abc' }, 'x-key', 'abc'],
  ] as const)('sends %j', async (auth, header, value) => {
    const server = await serve((_, response) => response.end());
    await open(server.origin, { auth }).fetch(
      request('/', { headers: { 'X-Key': 'not mine', Authorization: 'nor this' } }),
    );
    expect(server.requests[0]?.headers[header]).toBe(value);
  });

  /** A server that asks for tokens, and the one that gives them. */
  async function serveChallenge(options: { expiresIn?: number; refuse?: boolean; answer?: string } = {}) {
    let given = 0;
    const issuer = await serve((_, response) => {
      given += 1;
      if (options.refuse === true) return void response.writeHead(403).end('no');
      response.end(options.answer ?? JSON.stringify({ token: `t${given}`, expires_in: options.expiresIn }));
    });
    const valid = new Set<string>();
    const server = await serve((incoming, response) => {
      const token = incoming.headers.authorization;
      if (token !== undefined && (valid.has(token) || valid.has('any'))) return void response.end('open');
      const scope = `repository:${incoming.url?.split('/')[1]}:pull`;
      const challenge = `Basic realm="x", Bearer realm="${issuer.origin}/token?a=b",service="s\\"1",scope="${scope}", Digest x="y"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    });
    return { issuer, server, valid };
  }

  const CHALLENGE = { mode: 'challenge', username: 'user', password: 'word' } as const;

  it('gets the token that a 401 asks for, and keeps it', async () => {
    const { issuer, server, valid } = await serveChallenge({ expiresIn: 300 });
    valid.add('Bearer t1');
    const clock = createQuickClock();
    const upstream = open(server.origin, { auth: CHALLENGE, clock });
    expect(await readBody(await upstream.fetch(request('/a/one')))).toBe('open');
    expect(await readBody(await upstream.fetch(request('/a/two')))).toBe('open');
    expect(issuer.requests).toHaveLength(1);
    const { line, headers } = issuer.requests[0] ?? {};
    const asked = new URL(line?.split(' ')[1] ?? '', issuer.origin).searchParams;
    expect(Object.fromEntries(asked)).toEqual({ a: 'b', service: 's"1', scope: 'repository:a:pull' });
    expect(headers?.authorization).toBe(BASIC_HEADER);
    expect(server.requests.map((seen) => seen.headers.authorization)).toEqual([undefined, 'Bearer t1', 'Bearer t1']);
  });

  it('gets another when it expired, when it was withdrawn, and for another scope', async () => {
    const { issuer, server, valid } = await serveChallenge({ expiresIn: 300 });
    const clock = createQuickClock();
    const upstream = open(server.origin, { auth: CHALLENGE, clock });
    const fetchOpen = async (path: string) => readBody(await upstream.fetch(request(path)));
    valid.add('any');
    await fetchOpen('/a/x');
    clock.advance(299_000);
    await fetchOpen('/a/x');
    expect(issuer.requests).toHaveLength(2);
    valid.clear();
    valid.add('Bearer t3');
    expect(await fetchOpen('/a/x')).toBe('open');
    valid.add('Bearer t4');
    expect(await fetchOpen('/b/x')).toBe('open');
    expect(issuer.requests).toHaveLength(4);
  });

  it('asks once for many at a time', async () => {
    const { issuer, server, valid } = await serveChallenge();
    valid.add('any');
    const upstream = open(server.origin, { auth: { mode: 'challenge', username: null, password: null } });
    await Promise.all(Array.from({ length: 8 }, async (_, n) => readBody(await upstream.fetch(request(`/a/${n}`)))));
    expect(issuer.requests).toHaveLength(1);
    expect(issuer.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('answers 401 when the token does not help or is not given', async () => {
    for (const refuse of [false, true]) {
      const { issuer, server } = await serveChallenge({ refuse });
      const response = await open(server.origin, { auth: CHALLENGE }).fetch(request('/a/x'));
      expect(response.status).toBe(401);
      expect(issuer.requests).toHaveLength(1);
      expect(server.requests).toHaveLength(refuse ? 1 : 2);
    }
  });

  it.each(['not json', 'null', '{"token":5}', '{"token":"a\\nb"}'])('does not take %s for a token', async (answer) => {
    const { server } = await serveChallenge({ answer });
    const fetching = open(server.origin, { auth: CHALLENGE }).fetch(request('/a/x'));
    await expect(fetching).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' });
  });

  it('answers no challenge of a server that it was redirected to', async () => {
    const { issuer, server } = await serveChallenge();
    const own = await serve((_, response) => response.writeHead(302, { location: `${server.origin}/a/x` }).end());
    expect((await open(own.origin, { auth: CHALLENGE }).fetch(request('/'))).status).toBe(401);
    expect(issuer.requests).toEqual([]);
  });

  it('goes for a token only where it may', async () => {
    const server = await serve((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://0.0.0.0/token"' }).end();
    });
    const fetching = open(server.origin, { auth: CHALLENGE }).fetch(request('/'));
    await expect(fetching).rejects.toMatchObject({ code: 'UPSTREAM_ADDRESS_REFUSED' });
  });

  it('reads challenges', () => {
    const nothing = { service: null, scope: null };
    expect(parseChallenge('Bearer realm="https://a/b"')).toEqual({ realm: 'https://a/b', ...nothing });
    expect(parseChallenge('bearer Realm=x , scope = "a b"')).toEqual({ realm: 'x', service: null, scope: 'a b' });
    expect(parseChallenge('Basic realm="Bearer realm=y"')).toBeNull();
    expect(parseChallenge('Bearer')).toBeNull();
    expect(parseChallenge('Bearer error="x"')).toBeNull();
    expect(parseChallenge('Negotiate abc==, Bearer realm="x", Basic realm="y"')).toEqual({ realm: 'x', ...nothing });
    expect(parseChallenge('')).toBeNull();
  });
});
