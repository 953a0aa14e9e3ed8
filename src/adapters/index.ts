import type { RecordStore, RecordStoreCapabilities } from '../ports/record-store.ts';
import type { Clock } from '../shared/clock.ts';
import { guardRecordStore } from './guards/record-store.ts';
import { openMemoryRecordStore } from './record-store/memory.ts';
import { openSqliteRecordStore } from './record-store/sqlite.ts';

/**
 * The adapters there are, by port and name. `capabilities` are known before opening, so that the loader can compare them with what a
 * definition asks for. `open` gives the adapter behind its guard.
 */
export interface Adapter<Capabilities, Options, Port> {
  readonly capabilities: Capabilities;
  readonly open: (options: Options) => Port;
}

export interface RecordStoreOptions {
  /** Where a store that lives in a file has it; `:memory:` keeps nothing. */
  readonly file: string;
  readonly clock?: Clock;
}

export const recordStores = Object.freeze({
  memory: {
    capabilities: { durable: false, shared: false, fullText: false, maxValueBytes: null },
    open: (options) => guardRecordStore(openMemoryRecordStore(options)),
  },
  sqlite: {
    capabilities: { durable: true, shared: true, fullText: false, maxValueBytes: null },
    open: (options) => guardRecordStore(openSqliteRecordStore(options)),
  },
} as const satisfies Record<string, Adapter<RecordStoreCapabilities, RecordStoreOptions, RecordStore>>);
