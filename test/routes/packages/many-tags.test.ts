import { expect, test } from 'vitest';
import { DEFAULT_REGISTRY } from '../../support/packages-registry.ts';
import { ADMIN, openTestRegistry, STORE_KINDS } from '../../support/registry.ts';
import { expectUnchanged, stateOf } from '../../support/registry-state.ts';

const BLOB = '/v1/acme/tool/1.0.0/any/blob';

test.each(STORE_KINDS)('a version goes with up to a thousand tags at once, on %s', async (kind) => {
  const { registry, send } = await openTestRegistry(DEFAULT_REGISTRY, { kind });
  await send('PUT', BLOB, { body: 'content', headers: ADMIN });
  const body = { target_version: '1.0.0', target_variant: 'any' };
  const set = async (from: number, to: number) => {
    const tags = Array.from({ length: to - from }, (_, index) => `t-${from + index}`);
    const answers = await Promise.all(
      tags.map((tag) => send('PUT', `/v1/acme/tool/tags/${tag}`, { body, headers: ADMIN })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  };
  for (let from = 0; from < 1000; from += 50) await set(from, from + 50);
  await set(1000, 1001);
  const before = await stateOf(registry);
  const refused = await send('DELETE', BLOB, { headers: ADMIN });
  expect({ status: refused.status, code: refused.json.error?.code }).toEqual({ status: 409, code: 'TOO_MANY_TAGS' });
  expectUnchanged(before, await stateOf(registry), 'refused');

  expect((await send('DELETE', '/v1/acme/tool/tags/t-500', { headers: ADMIN })).status).toBe(200);
  expect((await send('DELETE', BLOB, { headers: ADMIN })).json).toEqual({ ok: true });
  expect((await stateOf(registry)).records).toMatchObject({ 'packages.tag': [], 'packages.artifact': [] });
});
