import type { Commit } from '../../ports/record-store.ts';

/** Whether a commit does more than check. */
export function hasWrites({ puts, deletes, events }: Commit): boolean {
  return puts.length + deletes.length + events.length > 0;
}
