import { expect, onTestFinished, test } from 'vitest';
import { createTrace, type TracedStep } from '../../src/inspect/trace.ts';
import { tryRequest } from '../../src/run-request.ts';
import { startServer } from '../adapters/upstream-server.ts';
import { inspected } from './inspected.ts';

async function traced(pipeline: readonly object[], more: object = {}) {
  const { definition, vocabulary } = await inspected({
    storage: {
      kv_stores: { meta: { kind: 'sqlite' } },
      blob_stores: { primary: { kind: 'filesystem', root: 'blobs', addressing: { path_template: '{digest}' } } },
      documents: { note: { store: 'meta', key_template: 'note/{id}' } },
    },
    api: { routes: [{ id: 'tried', method: 'POST', path: '/tried', pipeline }] },
    ...more,
  });
  const trace = createTrace();
  const [route] = definition.routes;
  if (route === undefined) throw new Error('There is one route');
  const request = {
    route,
    method: 'POST',
    params: {},
    query: [],
    headers: [],
    body: Buffer.from('{"n": 1}'),
    principal: null,
  };
  const answer = await tryRequest(definition, vocabulary, { ...request, data: null, env: {}, trace });
  return { status: answer.status, body: Buffer.from(answer.body).toString(), steps: trace.steps };
}

const outline = (steps: readonly TracedStep[]) =>
  steps.map(({ depth, place, op, outcome, code }) => `${'-'.repeat(depth)}${place} ${op} ${code ?? outcome}`);

test('rounds of a loop, branches and catches are shown as they ran', async () => {
  const { status, steps } = await traced([
    { op: 'set', args: { list: ['a', 'b'] } },
    {
      op: 'flow.each',
      args: {
        in: '$list',
        as: 'item',
        do: [
          {
            op: 'flow.if',
            args: {
              test: { equals: ['$item', 'a'] },
              then: [
                {
                  op: 'respond.error',
                  args: { status: 400, code: 'NO_A' },
                  catch: { NO_A: [{ op: 'set', args: { failed: '$error.code' } }] },
                },
              ],
            },
          },
          { op: 'set', args: { seen: '$item' }, when: { equals: ['$item', 'b'] } },
        ],
        collect: { from: '$item', out: 'items' },
      },
    },
    { op: 'respond.json', args: { body: '$items' } },
  ]);
  expect(status).toBe(200);
  expect(outline(steps)).toEqual([
    '1 set next',
    '2 flow.each next',
    '-2.do.1 flow.if next',
    '--2.do.1.then.1 respond.error next',
    '---2.do.1.then.1.catch.NO_A.1 set next',
    '-2.do.2 set skipped',
    '-2.do.1 flow.if next',
    '-2.do.2 set next',
    '3 respond.json response',
  ]);
  const each = steps.find(({ op }) => op === 'flow.each');
  expect(each?.bindings).toMatchObject({ items: ['a', 'b'] });
  expect(steps.find(({ place }) => place.includes('catch'))?.bindings).toEqual({ failed: 'NO_A' });
});

test('documents, stored bytes and answers of upstreams are shown as plain JSON, with what stores were asked', async () => {
  const upstream = await startServer((_request, response) => void response.end('from there'));
  onTestFinished(() => upstream.close());
  const { status, body, steps } = await traced(
    [
      { op: 'proxy.fetch', args: { upstream: 'there', path: '/x', out: 'answer' } },
      { op: 'blob.put', args: { from: '$answer.body', out: 'blob', expect: null } },
      { op: 'blob.verify_digest', args: { blob: '$blob', expect: null } },
      { op: 'parse.json', args: { out: 'sent' } },
      { op: 'txn.begin', args: {} },
      { op: 'kv.get', args: { doc: 'note', key: { id: '1' }, out: 'before' } },
      { op: 'kv.put', args: { doc: 'note', key: { id: '1' }, value: { n: '$sent.n', before: '$before' } } },
      { op: 'kv.get', args: { doc: 'note', key: { id: '1' }, out: 'after' } },
      { op: 'txn.commit', args: {} },
      { op: 'respond.json', args: { body: { after: '$after', size: '$blob.size' } } },
    ],
    {
      upstreams: {
        there: {
          base_url: upstream.origin,
          allow_private_addresses: true,
          timeouts_ms: { connect: 1000, read: 1000 },
          retry: { max_attempts: 1, backoff_ms: 1 },
        },
      },
    },
  );
  expect(status, body).toBe(200);
  const bound = Object.assign({}, ...steps.map(({ bindings }) => bindings));
  expect(JSON.parse(JSON.stringify(bound))).toMatchObject({
    answer: { status: 200 },
    blob: { size: 10, digest: expect.stringMatching(/^sha256:/) },
    sent: { n: 1 },
    before: null,
    after: { n: 1, before: null },
  });
  const calls = steps.flatMap(({ op, calls }) =>
    calls.map(({ store, method, detail }) => `${op}: ${store}.${method} ${detail}`),
  );
  expect(calls).toContain('blob.put: primary.put (any digest)');
  expect(calls).toContain('kv.get: meta.get note note/1');
  expect(calls).toContain('txn.begin: meta.commit 1 checks, put note/1');
  expect(steps.every(({ tookMs }) => tookMs >= 0)).toBe(true);
});
