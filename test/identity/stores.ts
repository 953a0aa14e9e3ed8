import type { RecordStore } from '../../src/ports/record-store.ts';
import type { Clock } from '../../src/shared/clock.ts';
import { memoryStore, remote } from './fixture.ts';

/** The stores that identity is tried on. */
export const STORES: readonly { readonly name: string; open(clock: Clock): Promise<RecordStore> }[] = [
  { name: 'memory', open: memoryStore },
  { name: 'a store that answers by promise', open: async (clock) => remote(await memoryStore(clock)) },
];
