import { expect, it } from 'vitest';
import { openMemoryCache } from '../../src/adapters/cache/memory.ts';
import { guardCache } from '../../src/adapters/guards/cache.ts';
import { cacheSuite } from '../conformance/cache.ts';
import { createFakeClock } from '../conformance/fake-clock.ts';

cacheSuite('memory', async (clock, maxBytes) => openMemoryCache({ clock, maxBytes }));

it('answers at once, behind its guard too', () => {
  const cache = guardCache(openMemoryCache({ clock: createFakeClock(), maxBytes: 1000 }));
  expect(cache.put('a', { bytes: new Uint8Array(1), sequence: 1 }, 1000)).toBeUndefined();
  expect(cache.get('a')).toEqual({ bytes: new Uint8Array(1), sequence: 1 });
});

it('turns what an adapter throws into CACHE_FAILURE', () => {
  const cause = new Error('The connection is gone');
  const broken = {
    ...openMemoryCache({ clock: createFakeClock(), maxBytes: 1000 }),
    get: () => {
      throw cause;
    },
  };
  expect(() => guardCache(broken).get('a')).toThrow(expect.objectContaining({ code: 'CACHE_FAILURE', cause }));
});
