/** One record of the memory store. It is never changed, only replaced. */
export interface MemoryRecord {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  /** Milliseconds since the epoch; null never expires. */
  readonly expiresAt: number | null;
  /** Its number in the collection, from 0: what columns and texts are kept by. Given again when the record has gone. */
  readonly slot: number;
}

export function isAlive({ expiresAt }: MemoryRecord, now: number): boolean {
  return expiresAt === null || expiresAt > now;
}
