import { randomUUID } from 'node:crypto';
import type { Lease } from '../../ports/blob-store.ts';
import type { Clock } from '../../shared/clock.ts';

/** The lease table of the memory store, by the blob's hex. */
export interface LeaseTable {
  take(hex: string, ttlMs: number): Lease;
  release(hex: string, id: string, settled: boolean): void;
  /** Blobs that had a lease which ended unsettled, and have none that holds. */
  ended(): string[];
  /** Forgets the ended leases of a blob. */
  forget(hex: string): void;
  /** Grows whenever a lease on the blob is taken: tells whether something happened during a wait. */
  taken(hex: string): number;
}

export function createLeaseTable(clock: Clock): LeaseTable {
  /** Ends by lease id; 0 when it was released without being settled. */
  const table = new Map<string, Map<string, number>>();
  let counter = 0;
  const lastTaken = new Map<string, number>();

  return {
    take(hex, ttlMs) {
      const id = randomUUID();
      const leases = table.get(hex) ?? new Map<string, number>();
      table.set(hex, leases.set(id, clock.now() + ttlMs));
      lastTaken.set(hex, ++counter);
      return { digest: `sha256:${hex}`, id };
    },
    release(hex, id, settled) {
      const leases = table.get(hex);
      if (leases?.has(id) !== true) return;
      if (!settled) {
        leases.set(id, 0);
        return;
      }
      leases.delete(id);
      if (leases.size > 0) return;
      table.delete(hex);
      lastTaken.delete(hex);
    },
    ended() {
      const now = clock.now();
      const found: string[] = [];
      for (const [hex, leases] of table) {
        if ([...leases.values()].every((end) => end <= now)) found.push(hex);
      }
      return found;
    },
    forget(hex) {
      table.delete(hex);
      lastTaken.delete(hex);
    },
    taken: (hex) => lastTaken.get(hex) ?? 0,
  };
}
