import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GuardedCache, guardCache } from '../../src/adapters/guards/cache.ts';
import type { Cache } from '../../src/ports/cache.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';

/** What every cache must do. `open` gives an empty one that keeps at most `maxBytes`. */
export function cacheSuite(name: string, open: (clock: FakeClock, maxBytes: number) => Promise<Cache>): void {
  describe(`cache ${name}`, () => {
    const MAX_BYTES = 100_000;
    let clock: FakeClock;
    let cache: GuardedCache;

    beforeEach(async () => {
      clock = createFakeClock();
      cache = guardCache(await open(clock, MAX_BYTES));
    });
    afterEach(async () => cache.close());

    const entry = (text: string, sequence = 1) => ({ bytes: Buffer.from(text), sequence });
    const read = async (key: string) => {
      const found = await cache.get(key);
      return found === null ? null : `${Buffer.from(found.bytes).toString()}@${found.sequence}`;
    };

    it('gives back what was kept, with its sequence', async () => {
      expect(await read('a')).toBeNull();
      await cache.put('a', entry('one', 7), 1000);
      await cache.put('b', entry('', 0), 1000);
      expect([await read('a'), await read('b')]).toEqual(['one@7', '@0']);
      await cache.put('a', entry('two', 8), 1000);
      expect(await read('a')).toBe('two@8');
    });

    it('forgets an entry when its time is over, each its own', async () => {
      await cache.put('short', entry('x'), 1000);
      await cache.put('long', entry('y'), 5000);
      clock.advance(999);
      expect(await read('short')).toBe('x@1');
      clock.advance(1);
      expect([await read('short'), await read('long')]).toEqual([null, 'y@1']);
      expect(await cache.delete('short')).toBe(false);
      await cache.put('short', entry('z'), 1000);
      clock.advance(999);
      expect(await read('short')).toBe('z@1');
    });

    it('deletes, and says whether it was there', async () => {
      await cache.put('a', entry('x'), 1000);
      expect(await cache.delete('a')).toBe(true);
      expect([await read('a'), await cache.delete('a')]).toEqual([null, false]);
    });

    it('clears by prefix, taken as it is', async () => {
      const keys = ['a/1', 'a/2', 'ab', 'b/1', 'A/1', 'a*', 'a%'];
      for (const key of keys) await cache.put(key, entry(key), 1000);
      await cache.clear('a/');
      expect(await Promise.all(keys.map(read))).toEqual([null, null, 'ab@1', 'b/1@1', 'A/1@1', 'a*@1', 'a%@1']);
      await cache.clear('a*');
      await cache.clear('a%');
      expect([await read('a*'), await read('a%'), await read('ab')]).toEqual([null, null, 'ab@1']);
      await cache.clear('');
      expect(await Promise.all(keys.map(read))).toEqual(keys.map(() => null));
    });

    it.each(['__proto__', 'constructor', 'é\u{1f600}', 'a\nb c', '\u0000'])(
      'takes %j for a key like any other',
      async (key) => {
        expect(await read(key)).toBeNull();
        await cache.put(key, entry('x'), 1000);
        expect(await read(key)).toBe('x@1');
      },
    );

    it('stays within its bytes and lets go of what was not used', async () => {
      for (let count = 0; count < 200; count++) {
        await cache.put(`k${count}`, entry('x'.repeat(1000)), 60_000);
        expect(await read('k0')).not.toBeNull();
      }
      const stats = cache.stats();
      expect(stats.bytes).toBeLessThanOrEqual(MAX_BYTES);
      expect(stats.entries).toBeLessThanOrEqual(100);
      expect(stats.entries).toBeGreaterThan(20);
      expect(await read('k1')).toBeNull();
      expect(await read('k199')).not.toBeNull();
    });

    it('keeps nothing that is larger than itself, nor what it replaces', async () => {
      await cache.put('a', entry('old'), 1000);
      await cache.put('b', entry('other'), 1000);
      await cache.put('a', entry('x'.repeat(MAX_BYTES + 1)), 1000);
      expect([await read('a'), await read('b')]).toEqual([null, 'other@1']);
    });

    it('counts hits and misses', async () => {
      await cache.put('a', entry('x'), 1000);
      await read('a');
      await read('a');
      await read('b');
      clock.advance(1000);
      await read('a');
      expect(cache.stats()).toMatchObject({ hits: 2, misses: 2 });
      expect(cache.calls().get).toMatchObject({ calls: 4, failures: 0 });
    });

    it('refuses what makes no sense', async () => {
      const invalid = { code: 'VALUE_INVALID' };
      await expect((async () => cache.get(''))()).rejects.toMatchObject(invalid);
      await expect((async () => cache.get('x'.repeat(10_000)))()).rejects.toMatchObject(invalid);
      await expect((async () => cache.put('a', entry('x'), 0))()).rejects.toMatchObject(invalid);
      await expect((async () => cache.put('a', entry('x'), Number.NaN))()).rejects.toMatchObject(invalid);
      await expect((async () => cache.put('a', entry('x', -1), 1000))()).rejects.toMatchObject(invalid);
    });

    it('is healthy until it is closed', async () => {
      expect(await cache.health()).toMatchObject({ ok: true });
      await cache.close();
      await cache.close();
      await expect((async () => cache.get('a'))()).rejects.toMatchObject({ code: 'CLOSING' });
    });
  });
}
