import { RegistryError, toRegistryError } from '../../errors/registry-error.ts';
import type {
  LoadBatch,
  LoadMark,
  LoadOptions,
  RecordDump,
  RecordLoad,
  RecordTransfer,
} from '../../ports/record-dump.ts';
import type { RecordStore, StoredEvent } from '../../ports/record-store.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import type { CallMeter } from './call-meter.ts';
import { checkKey } from './record-checks.ts';

const MAX_ORIGIN_LENGTH = 500;

/** Fails with STORE_FAILURE and a sentence when a load has begun and not finished: what is there is no registry yet. */
export function refuseHalfFilled(mark: LoadMark | null): void {
  if (mark === null) return;
  throw new RegistryError('STORE_FAILURE', {
    message: `The store is half filled: ${mark.origin}, which began ${mark.at}, did not finish. Run the same command again: it does what is missing`,
  });
}

/** The part of the guard that stands before dumps and loads. */
export function guardRecordTransfer(store: RecordStore, meter: CallMeter): RecordTransfer {
  return {
    dump: () => meter.run('dump', () => whenReady(store.dump(), guardDump)),
    load: (options) =>
      meter.run('load', () => {
        checkOptions(options);
        return whenReady(store.load(options), (load) => guardLoad(load, meter, store.capabilities.maxValueBytes));
      }),
    loadMark: () => meter.run('loadMark', () => store.loadMark()),
  };
}

function guardDump(dump: RecordDump): RecordDump {
  return {
    sequence: dump.sequence,
    collections: dump.collections,
    events: dump.events,
    records: (collection) => withRegistryErrors(dump.records(collection)),
    log: () => withRegistryErrors(dump.log()),
    close: () => dump.close(),
  };
}

function guardLoad(load: RecordLoad, meter: CallMeter, maxValueBytes: number | null): RecordLoad {
  return {
    collections: () => meter.run('load.collections', () => load.collections()),
    held: (collection, after) => meter.run('load.held', () => load.held(collection, after)),
    heldEvents: (after) => meter.run('load.heldEvents', () => load.heldEvents(after)),
    write: (batch) =>
      meter.run('load.write', () => {
        checkBatch(batch, maxValueBytes);
        return load.write(batch);
      }),
    finish: (sequence) =>
      meter.run('load.finish', () => {
        checkWhole(sequence, 0, 'A sequence');
        return load.finish(sequence);
      }),
  };
}

function checkOptions({ origin }: LoadOptions): void {
  if (origin === '' || origin.length > MAX_ORIGIN_LENGTH) {
    throw new RegistryError('INTERNAL', {
      message: `A load needs an origin of at most ${MAX_ORIGIN_LENGTH} characters`,
    });
  }
}

/** What is loaded may come from a file that somebody altered. */
function checkBatch({ puts, deletes, events }: LoadBatch, maxValueBytes: number | null): void {
  for (const { key } of deletes) checkKey(key);
  for (const { collection, key, value, version, expiresAt } of puts) {
    if (collection === '') throw new RegistryError('VALUE_INVALID', { message: 'A collection needs a name' });
    checkKey(key);
    checkWhole(version, 1, 'A version');
    if (expiresAt !== null) checkWhole(expiresAt, Number.MIN_SAFE_INTEGER, 'A time');
    if (maxValueBytes !== null && Buffer.byteLength(value) > maxValueBytes) {
      throw new RegistryError('DOCUMENT_TOO_LARGE', {
        message: `"${key}" of "${collection}" is larger than the ${maxValueBytes} bytes that this store takes`,
      });
    }
  }
  for (const event of events) checkEvent(event);
}

function checkEvent({ version, position }: StoredEvent): void {
  checkWhole(version, 1, 'A version');
  checkWhole(position, 1, 'A position');
}

function checkWhole(value: number, least: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RegistryError('VALUE_INVALID', { message: `${what} is a whole number, not ${value}` });
  }
}

async function* withRegistryErrors<T>(batches: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (thrown) {
    throw toRegistryError(thrown, 'STORE_FAILURE');
  }
}
