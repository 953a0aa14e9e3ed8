import { fail } from '../../errors/registry-error.ts';

export type EntryKind = 'file' | 'directory' | 'symbolic link' | 'hard link' | 'special file';

/** A member of an archive, as the archive states it. */
export interface ArchiveEntry {
  /** As written. */
  readonly name: string;
  readonly kind: EntryKind;
  /** Bytes of a file's content; 0 for all that is none. */
  readonly size: number;
  /** What a link points to, as written; null for what is no link. */
  readonly target: string | null;
}

/** Looks at every entry in the order of the archive; gives the path under which its content is wanted, or null. May refuse the archive. */
export type Choose = (entry: ArchiveEntry) => string | null;

export interface ChosenFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Fails with ARCHIVE_INVALID; `what` goes on after "The archive is not valid: ". */
export function invalid(what: string): never {
  return fail('ARCHIVE_INVALID', `The archive is not valid: ${what}`);
}

/** A name as a sentence may show it: in quotes, escaped, cut after 200 characters. */
export function shown(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}
