import { expect, test } from 'vitest';
import type { Run } from '../../src/engine/contract.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { createStepMetrics } from '../../src/http/step-metrics.ts';

const NOTHING = { parts: () => [], commitRetries: () => 3 };
const REQUEST = { method: 'GET', target: '/', ip: '', requestId: 'r' };
const served = { request: REQUEST, routeId: 'a', user: null, status: 200, code: null, step: null, tookMs: 1 };

test('a latency counts in every bucket from its own on', async () => {
  const metrics = createMetrics();
  for (const tookMs of [0.5, 3, 20_000]) metrics.onServed({ ...served, tookMs });
  const text = await metrics.render(NOTHING);
  const bucket = (le: string) =>
    Number(
      text.match(
        new RegExp(`entrepot_request_duration_seconds_bucket\\{route="a",le="${le.replace('+', '\\+')}"\\} (\\d+)`),
      )?.[1],
    );
  expect(['0.0005', '0.0025', '0.005', '10', '+Inf'].map(bucket)).toEqual([1, 1, 2, 2, 3]);
  expect(text).toMatch(/^entrepot_request_duration_seconds_sum\{route="a"\} 20\.0035$/m);
  expect(text).toMatch(/^# TYPE entrepot_request_duration_seconds histogram$/m);
  expect(text).toMatch(/^entrepot_commit_retries_total 3$/m);
});

test('codes made by templates cannot make series without end', async () => {
  const metrics = createMetrics();
  for (let n = 0; n < 1500; n++) metrics.onServed({ ...served, status: 400, code: `MADE_${n}` });
  const lines = (await metrics.render(NOTHING)).split('\n').filter((line) => line.startsWith('entrepot_errors_total{'));
  expect(lines).toHaveLength(1001);
  expect(lines).toContain('entrepot_errors_total{code="OTHER",route="",step=""} 500');
});

test('label values that a definition chose cannot break the lines', async () => {
  const metrics = createMetrics();
  metrics.onServed({ ...served, routeId: 'a"b\\c\nd' });
  expect(await metrics.render(NOTHING)).toContain(
    'entrepot_requests_total{route="a\\"b\\\\c\\nd",method="GET",status="200"} 1',
  );
});

test('every run of a step is counted, one in 16 is timed, and answers pass as they are', async () => {
  const { watch, figures } = createStepMetrics();
  const run = {} as Run;
  const site = { op: 'x.y', label: 'mine', place: '1', binds: [] };
  const response = { status: 200, headers: [], body: { kind: 'none' }, etag: null } as const;
  const atOnce = watch.wrap(() => response, site);
  const late = watch.wrap(() => Promise.resolve(undefined), site);
  const failing = watch.wrap(() => {
    throw new Error('no');
  }, site);
  for (let n = 0; n < 32; n++) expect(atOnce(run)).toBe(response);
  expect(late(run)).toBeInstanceOf(Promise);
  for (let n = 33; n < 48; n++) expect(await late(run)).toBeUndefined();
  expect(() => failing(run)).toThrow('no');
  expect(figures()).toMatchObject([{ op: 'x.y', label: 'mine', runs: 49, timed: 4 }]);
});
