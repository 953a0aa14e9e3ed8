import { RegistryError } from '../../errors/registry-error.ts';
import type { LoadMark, LoadOptions } from '../../ports/record-dump.ts';

/** Told to a load whose mark is gone or another's. */
export const LOAD_ENDED = 'The load of this store has ended: another process finished it or began it anew';

/**
 * Whether a load begins with an emptied store (true), or goes on where one of the same origin stopped (false). Fails with ALREADY_EXISTS where
 * it may do neither; see `RecordTransfer.load`.
 */
export function beginsAnew({ origin, replace }: LoadOptions, mark: LoadMark | null, isEmpty: boolean): boolean {
  if (mark?.origin === origin) return false;
  if (replace) return true;
  if (mark !== null) {
    throw new RegistryError('ALREADY_EXISTS', {
      message: `The store is half filled by something else: ${mark.origin}, which began ${mark.at}`,
    });
  }
  if (!isEmpty) throw new RegistryError('ALREADY_EXISTS', { message: 'The store holds records or events already' });
  return true;
}
