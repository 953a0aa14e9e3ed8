import type { StoredValue } from '../../language/values.ts';

/** Entity tag of a document that is sent as stored: its version. None for one that is not committed yet. */
export function documentTag(document: StoredValue): string | null {
  return document.version > 0 ? `r${document.version}` : null;
}
