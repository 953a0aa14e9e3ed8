import { join, resolve } from 'node:path';
import { recordStores } from './adapters/index.ts';
import { RegistryError } from './errors/registry-error.ts';
import type { RecordStore } from './ports/record-store.ts';
import type { Clock } from './shared/clock.ts';

/** A record store as a person names it on the command line. */
export interface SpelledStore {
  /** The same place in the same words, without a password: for people, and to tell places apart. */
  readonly label: string;
  /** The file or folder without which there is nothing; null where it is no such place. */
  readonly path: string | null;
  open(clock: Clock): RecordStore;
}

/**
 * Reads `sqlite` (the file of the store `name` in the data folder) or `sqlite:FILE`. Fails with VALUE_INVALID and a sentence.
 */
export function readSpelledStore(text: string, data: string, name: string): SpelledStore {
  const [kind = '', ...rest] = text.split(':');
  if (kind !== 'sqlite') {
    throw new RegistryError('VALUE_INVALID', {
      message: `"${text}" is not a store that can be moved: sqlite or sqlite:FILE`,
    });
  }
  const file = rest.length === 0 ? join(data, `${name}.sqlite`) : resolve(rest.join(':'));
  return { label: `sqlite:${file}`, path: file, open: (clock) => recordStores.sqlite.open({ file, clock }) };
}
