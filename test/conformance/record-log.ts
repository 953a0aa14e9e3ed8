import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../../src/ports/record-store.ts';
import { commitOf, item, type RecordSuite, write } from './record-fixture.ts';

export function recordLogSuite(suite: RecordSuite): void {
  describe('the log', () => {
    const event = (id: string): NewEvent => ({
      id,
      type: `type of ${id}`,
      at: '2026-01-02T03:04:05.006Z',
      payload: `{"id":"${id}"}`,
    });

    it('shows events in the order of commits, and within a commit as they were given', async () => {
      const { store } = suite;
      const first = await write(store, { events: [event('b'), event('a')] });
      const second = await write(store, { puts: [item('x')], events: [event('c')] });
      const events = await store.events(0, 10);
      expect(events.map(({ position, ...rest }) => rest)).toEqual([
        { ...event('b'), version: first },
        { ...event('a'), version: first },
        { ...event('c'), version: second },
      ]);
      const positions = events.map(({ position }) => position);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(positions[0]).toBeGreaterThan(0);
    });

    it('is read on from a position, each event once', async () => {
      const { store } = suite;
      for (let count = 0; count < 25; count++) await write(store, { events: [event(`e${count}`), event(`f${count}`)] });
      const seen: string[] = [];
      for (let after = 0; ; ) {
        const events = await store.events(after, 7);
        seen.push(...events.map(({ id }) => id));
        const last = events.at(-1);
        if (last === undefined) break;
        after = last.position;
      }
      expect(seen).toEqual(Array.from({ length: 25 }, (_, count) => [`e${count}`, `f${count}`]).flat());
    });

    it('has no events of commits that were refused, and no position twice', async () => {
      const { store } = suite;
      await write(store, { events: [event('a')] });
      const lost = await store.commit(
        commitOf({ checks: [{ kind: 'record', collection: 'items', key: 'x', version: 1 }], events: [event('lost')] }),
      );
      expect(lost.ok).toBe(false);
      await write(store, { events: [event('b')] });
      const events = await store.events(0, 10);
      expect(events.map(({ id }) => id)).toEqual(['a', 'b']);
      expect(new Set(events.map(({ position }) => position)).size).toBe(2);
    });

    it('moves the sequence with every commit that writes', async () => {
      const { store } = suite;
      let version = 0;
      let before = await store.sequence();
      for (const parts of [
        { events: [event('a')] },
        { puts: [item('a')] },
        { deletes: [{ collection: 'items', key: 'a' }] },
      ]) {
        const next = await write(store, parts);
        expect(next).toBeGreaterThan(version);
        const sequence = await store.sequence();
        expect(sequence).toBeGreaterThan(before);
        version = next;
        before = sequence;
      }
    });

    it('tells watchers of commits, until they stop', async () => {
      const { store } = suite;
      let calls = 0;
      let tell = (): void => {};
      const stop = store.watch(() => {
        calls++;
        tell();
      });
      const told = new Promise<void>((resolve) => {
        tell = resolve;
      });
      await write(store, { events: [event('a')] });
      await told;
      const before = calls;
      stop();
      stop();
      await write(store, { events: [event('b')] });
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(calls).toBe(before);
    });
  });
}
