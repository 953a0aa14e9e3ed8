import { fail } from '../../errors/registry-error.ts';
import { compileGlob } from '../../shared/glob.ts';
import { type ArchiveEntry, invalid, shown } from './entry.ts';
import { leadsOut, segmentsOf } from './names.ts';

/** Bytes of all files that are read together, unless one alone may have more. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

export interface SelectionOptions {
  /** Patterns for whole paths; `*` stands for characters inside one segment. */
  readonly files: readonly string[];
  /** Leading segments that are cut off. */
  readonly strip: number;
  readonly maxFileBytes: number;
  readonly maxEntries: number;
  readonly maxTotalBytes: number;
  /** Whether links are refused that point outside of the archive. */
  readonly refusesLinks: boolean;
}

/** What one archive holds, and which of its files are wanted. */
export interface Selection {
  /** To be called with each entry in turn. Fails with ARCHIVE_INVALID and ARCHIVE_TOO_LARGE. */
  choose(entry: ArchiveEntry): string | null;
  /** Files and their bytes, as entries state them; entries of all kinds. */
  summary(): { readonly entries: number; readonly files: number; readonly bytes: number };
}

export function compileSelection(options: SelectionOptions): () => Selection {
  const { strip, maxFileBytes, maxEntries, maxTotalBytes, refusesLinks } = options;
  const maxReadBytes = Math.max(MAX_READ_BYTES, maxFileBytes);
  const globs = options.files.map((pattern) => pattern.split('/').map(compileGlob));
  const isWanted = (segments: readonly string[]) =>
    globs.some((glob) => glob.length === segments.length && glob.every((fits, index) => fits(segments[index]!)));

  return () => {
    const chosen = new Set<string>();
    let entries = 0;
    let files = 0;
    let bytes = 0;
    let read = 0;
    return {
      choose({ name, kind, size, target }) {
        entries += 1;
        if (entries > maxEntries) tooLarge(`more than ${maxEntries} entries`, { max_entries: maxEntries });
        const segments = segmentsOf(name);
        if (segments.length === 0 && kind !== 'directory') invalid(`the name ${shown(name)} names no file`);
        if (target !== null && refusesLinks && leadsOut(target, kind === 'hard link' ? [] : segments.slice(0, -1))) {
          invalid(`the ${kind} ${shown(name)} points outside`);
        }
        if (kind === 'file') {
          files += 1;
          bytes += size;
          if (bytes > maxTotalBytes) tooManyBytes(maxTotalBytes);
        }
        const path = segments.slice(strip);
        if (kind === 'directory' || !isWanted(path)) return null;
        if (kind !== 'file') invalid(`${shown(name)} is a ${kind}, where a file is wanted`);
        const chosenPath = path.join('/');
        if (chosen.has(chosenPath)) invalid(`it holds ${shown(chosenPath)} twice`);
        chosen.add(chosenPath);
        if (size > maxFileBytes)
          tooLarge(`${shown(name)} with more than ${maxFileBytes} bytes`, { max_file_bytes: maxFileBytes });
        read += size;
        if (read > maxReadBytes)
          tooLarge(`more than ${maxReadBytes} bytes in the files to read`, { max_read_bytes: maxReadBytes });
        return chosenPath;
      },
      summary: () => ({ entries, files, bytes }),
    };
  };
}

/** Fails with ARCHIVE_TOO_LARGE: unpacked, it has more bytes than allowed. */
export function tooManyBytes(maxTotalBytes: number): never {
  return tooLarge(`more than ${maxTotalBytes} bytes`, { max_total_bytes: maxTotalBytes });
}

function tooLarge(what: string, details: object): never {
  return fail('ARCHIVE_TOO_LARGE', `The archive holds ${what}`, details);
}
