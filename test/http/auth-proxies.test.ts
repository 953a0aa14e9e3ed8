import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { isNetwork, openClientAddress } from '../../src/http/client-address.ts';
import { serveIdentity } from './auth-fixture.ts';

function from(address: string, ...forwarded: readonly string[]): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: address });
  const incoming = new IncomingMessage(socket);
  if (forwarded.length > 0) incoming.headersDistinct['x-forwarded-for'] = [...forwarded];
  return incoming;
}

describe('the client behind proxies', () => {
  const none = openClientAddress([]);
  const some = openClientAddress(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32']);

  test.each([
    ['no proxy is trusted', none, from('127.0.0.1', '192.0.2.1'), '127.0.0.1'],
    ['it comes from no proxy', some, from('192.0.2.9', '192.0.2.1'), '192.0.2.9'],
    ['the proxy says nothing', some, from('127.0.0.1'), '127.0.0.1'],
    ['one proxy', some, from('127.0.0.1', '192.0.2.1'), '192.0.2.1'],
    ['one that looks like IPv6', some, from('::ffff:10.1.2.3', '192.0.2.1'), '192.0.2.1'],
    ['an IPv6 proxy', some, from('2001:db8::5', '2001:4860::1'), '2001:4860::1'],
    ['a chain of proxies', some, from('127.0.0.1', '192.0.2.1, 10.2.3.4'), '192.0.2.1'],
    ['a chain in several headers', some, from('127.0.0.1', '192.0.2.1', '10.2.3.4'), '192.0.2.1'],
    ['the client wrote some itself', some, from('127.0.0.1', '127.0.0.1, 203.0.113.7, 192.0.2.1'), '192.0.2.1'],
    ['all are proxies', some, from('127.0.0.1', '10.0.0.1, 10.0.0.2'), '10.0.0.1'],
    ['no address', some, from('127.0.0.1', '192.0.2.1, unknown'), '127.0.0.1'],
    ['an empty entry', some, from('127.0.0.1', '192.0.2.1, '), '127.0.0.1'],
  ])('%s', (_, clientAddress, incoming, expected) => expect(clientAddress(incoming)).toBe(expected));

  test('what is no address is no proxy', () => {
    expect(() => openClientAddress(['10.0.0.0/33'])).toThrow(expect.objectContaining({ code: 'VALUE_INVALID' }));
  });

  test.each(['10.0.0.0/8', '10.0.0.1', '::1', '2001:db8::/32', '0.0.0.0/0'])('%s is a network', (text) =>
    expect(isNetwork(text)).toBe(true),
  );
  test.each(['', '10.0.0.0/33', '::1/129', '10.0.0', 'localhost', '10.0.0.1/', '10.0.0.1/-1', '1.2.3.4:80'])(
    '%j is none',
    (text) => expect(isNetwork(text)).toBe(false),
  );
});

test('guesses behind a proxy are counted by the client that the proxy names', async () => {
  const { server } = await serveIdentity({ trustedProxies: ['127.0.0.1'] });
  const login = async (client: string, username: string) => {
    const body = JSON.stringify({ username, password: 'wrong password' });
    const headers = { 'x-forwarded-for': `203.0.113.99, ${client}` };
    return (await fetch(`${server.url}/auth/login`, { method: 'POST', headers, body })).status;
  };
  for (let i = 0; i < 100; i++) expect(await login('192.0.2.1', `name${i}`)).toBe(401);
  expect(await login('192.0.2.1', 'another')).toBe(429);
  expect(await login('192.0.2.2', 'another')).toBe(401);
});
