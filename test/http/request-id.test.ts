import { expect, test } from 'vitest';
import { createRequestIds, saneRequestId } from '../../src/http/request-id.ts';
import { respond, serve } from './fake-registry.ts';

test('request ids are taken over when they can stand in a header and a line of the log', () => {
  expect(saneRequestId('a-B_1.~+/=:@')).toBe('a-B_1.~+/=:@');
  for (const bad of [undefined, '', 'a b', 'a"b', 'ü', 'a\n', 'x'.repeat(129)]) expect(saneRequestId(bad)).toBeNull();
  const [one, two] = [createRequestIds(), createRequestIds()];
  const ids = [one(), one(), two(), two()];
  expect(new Set(ids).size).toBe(4);
  for (const id of ids) expect(saneRequestId(id)).toBe(id);
});

test('an answer has one request id, that of its own request', async () => {
  const server = await serve(() => respond('x', { headers: [['x-request-id', 'of another server']] }));
  const response = await fetch(server.url, { headers: { 'X-Request-Id': 'mine' } });
  expect(response.headers.get('x-request-id')).toBe('mine');
});

test('a refusal has the id of its request in the head and in the body', async () => {
  const server = await serve(() => Promise.reject(new Error('broken')));
  const response = await fetch(server.url, { headers: { 'X-Request-Id': 'mine' } });
  expect(response.headers.get('x-request-id')).toBe('mine');
  expect(await response.json()).toMatchObject({ error: { request_id: 'mine' } });
  expect(server.log).toMatchObject([{ level: 'error', fields: { request_id: 'mine' } }]);
});
