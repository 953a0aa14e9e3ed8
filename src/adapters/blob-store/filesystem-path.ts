import { fail } from '../../errors/registry-error.ts';

/** Where blobs lie below the root, compiled from a `path_template`. */
export interface PathTemplate {
  /** The relative path of a blob, with `/` between folders. */
  path(hex: string): string;
  /** One matcher for each level: what a name there says about the digests below it, or null for a foreign name. */
  readonly levels: readonly ((name: string) => LevelMatch | null)[];
  /** Whether walking the folders in name order meets the digests in byte order. */
  readonly ordered: boolean;
}

export interface LevelMatch {
  /** The slices in the name, in order. */
  readonly slices: readonly string[];
  /** The whole digest, where the level holds it. */
  readonly hex: string | null;
}

interface Slice {
  readonly start: number;
  readonly length: number;
}

type Piece = string | Slice;

const HEX_LENGTH = 64;
const PLACEHOLDER = /\{digest(?::(\d{1,2}):(\d{1,2}))?\}/g;

/**
 * Compiles a template such as `sha256/{digest:0:2}/{digest}`; `{digest:start:length}` is a slice of the hex.
 * Fails with DEFINITION_INVALID unless it is relative, holds the whole digest and nothing else that varies, and keeps
 * out of the folders in `reserved`.
 */
export function compilePathTemplate(template: string, reserved: readonly string[]): PathTemplate {
  const names = template.split('/');
  const levels = names.map((name) => parseLevel(name, template));
  if (!levels.flat().some(isWhole)) refuse(template, 'it must contain {digest}');
  if (reserved.includes(names[0] ?? '')) refuse(template, `its first folder must not be one of ${reserved.join(', ')}`);

  const pieces = levels.flatMap((level, index) => (index === 0 ? level : ['/', ...level]));
  return {
    path(hex) {
      let path = '';
      for (const piece of pieces) {
        path += typeof piece === 'string' ? piece : hex.slice(piece.start, piece.start + piece.length);
      }
      return path;
    },
    levels: levels.map(matcher),
    ordered: isOrdered(levels),
  };
}

function parseLevel(name: string, template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const match of name.matchAll(PLACEHOLDER)) {
    if (match.index > at) pieces.push(name.slice(at, match.index));
    const start = Number(match[1] ?? 0);
    const length = Number(match[2] ?? HEX_LENGTH);
    if (length === 0 || start + length > HEX_LENGTH)
      refuse(template, `${match[0]} lies outside the ${HEX_LENGTH} digits`);
    pieces.push({ start, length });
    at = match.index + match[0].length;
  }
  if (at < name.length) pieces.push(name.slice(at));
  const literal = pieces.filter((piece) => typeof piece === 'string').join('');
  if (pieces.length === 0 || name === '.' || name === '..' || !/^[\w.-]*$/.test(literal)) {
    refuse(
      template,
      'it must be relative, of folders named by letters, digits, ".", "_", "-" and {digest} or its slices',
    );
  }
  return pieces;
}

function matcher(level: readonly Piece[]): (name: string) => LevelMatch | null {
  const slices = level.filter((piece) => typeof piece !== 'string');
  const source = level.map((piece) =>
    typeof piece === 'string' ? piece.replaceAll('.', '\\.') : `([0-9a-f]{${piece.length}})`,
  );
  const pattern = new RegExp(`^${source.join('')}$`);
  const whole = slices.findIndex(isWhole);
  return (name) => {
    const match = pattern.exec(name);
    if (match === null) return null;
    const found = match.slice(1);
    return { slices: found, hex: found[whole] ?? null };
  };
}

/** Whether the slices before the whole digest are its beginning, one after another. */
function isOrdered(levels: readonly (readonly Piece[])[]): boolean {
  let next = 0;
  for (const piece of levels.flat()) {
    if (typeof piece === 'string') continue;
    if (isWhole(piece)) return true;
    if (piece.start !== next) return false;
    next += piece.length;
  }
  return false;
}

function isWhole(piece: Piece): boolean {
  return typeof piece !== 'string' && piece.length === HEX_LENGTH;
}

function refuse(template: string, reason: string): never {
  return fail('DEFINITION_INVALID', `The path template ${JSON.stringify(template)} cannot be used: ${reason}`);
}
