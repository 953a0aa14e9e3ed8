import { expect, test } from 'vitest';
import type { Definition } from '../../src/definition/types.ts';
import { identityOf } from '../../src/identity-of.ts';
import { systemClock } from '../../src/shared/clock.ts';
import { openTestRegistry, STORE_KINDS } from '../support/registry.ts';

const REGISTRY = {
  schema_version: '1.0',
  type_id: 'test.access',
  storage: { kv_stores: { meta: { kind: 'sqlite' } } },
  auth: {
    principals: { source: 'jwt' },
    anonymous: { scopes: ['look'] },
    scopes: [
      { name: 'look', actions: ['*'] },
      { name: 'admin', actions: ['*'] },
    ],
  },
};

test.each(STORE_KINDS)(
  'identity opened anew on the same store keeps counting guesses and takes its sessions, on %s',
  async (kind) => {
    const { registry } = await openTestRegistry(REGISTRY, { kind });
    const store = registry.runtime.store('meta');
    const definition: Definition = registry.definition;
    const first = await identityOf(definition, store, systemClock);
    await first.createUser({ username: 'ada', password: 'correct horse', scopes: ['look'] });
    const { token } = await first.login('ada', 'correct horse');
    for (let i = 0; i < 10; i++)
      await expect(first.login('ada', 'wrong password', '192.0.2.1')).rejects.toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
    const second = await identityOf(definition, store, systemClock);
    await expect(second.login('ada', 'correct horse', '192.0.2.1')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    const caller = await second.identify([`Bearer ${token}`]);
    // What anonymous has makes nobody an administrator, whatever it reaches.
    expect(caller).toMatchObject({ principal: { sub: 'ada' }, admin: false });
  },
);
