import { fail } from '../errors/registry-error.ts';

/** A request's target, taken apart. */
export interface Target {
  /** Each decoded once; none is empty. */
  readonly segments: readonly string[];
  /** The decoded path, for display only: it does not tell an encoded slash from one between segments. */
  readonly path: string;
  /** False for the root. */
  readonly trailingSlash: boolean;
  /** After the first `?`, raw; empty without one. */
  readonly query: string;
}

const MAX_TARGET_LENGTH = 8192;
const MAX_SEGMENTS = 256;

/**
 * Takes a request's target (RFC 9112, section 3.2, origin or absolute form) apart: split on `/` first, then each segment decoded once.
 * Fails with URI_TOO_LONG beyond 8 KiB or 256 segments, and with BAD_PATH on bad percent-encoding or UTF-8, on empty segments, and
 * on `.`, `..`, NUL and backslashes in any spelling.
 */
export function splitTarget(target: string): Target {
  if (target.length > MAX_TARGET_LENGTH) fail('URI_TOO_LONG');
  const question = target.indexOf('?');
  const raw = pathOf(question < 0 ? target : target.slice(0, question));
  const query = question < 0 ? '' : target.slice(question + 1);
  if (raw === '/') return { segments: [], path: '/', trailingSlash: false, query };
  if (UNSAFE.test(raw))
    fail('BAD_PATH', 'The path holds a character that must be percent-encoded or may not stand there');

  const trailingSlash = raw.endsWith('/');
  const end = trailingSlash ? raw.length - 1 : raw.length;
  const segments: string[] = [];
  // By hand: `split` is a call out of compiled code.
  for (let start = 1; start <= end; ) {
    const slash = raw.indexOf('/', start);
    const next = slash === -1 ? end : slash;
    segments.push(raw.slice(start, next));
    start = next + 1;
  }
  if (segments.length > MAX_SEGMENTS) fail('URI_TOO_LONG', 'The path has too many segments');
  const isEncoded = raw.includes('%');
  for (let index = 0; index < segments.length; index++) segments[index] = decodeSegment(segments[index] ?? '');
  const path = isEncoded ? `/${segments.join('/')}${trailingSlash ? '/' : ''}` : raw;
  return { segments, path, trailingSlash, query };
}

/** Everything that is not printable ASCII, and `\` and `#`. */
const UNSAFE = /[^\x21-\x7e]|[\\#]/;
const ABSOLUTE = /^https?:\/\/[^/]+/i;

function pathOf(target: string): string {
  if (target.startsWith('/')) return target;
  const authority = ABSOLUTE.exec(target);
  if (authority === null) return fail('BAD_PATH');
  return target.slice(authority[0].length) || '/';
}

function decodeSegment(raw: string): string {
  if (!raw.includes('%')) {
    if (raw === '' || raw === '.' || raw === '..') refuseDots(raw);
    return raw;
  }
  const decoded = decode(raw);
  if (decoded.includes('\0') || decoded.includes('\\')) fail('BAD_PATH', 'The path holds a NUL or a backslash');
  // A value may be taken for a path later: what would be harmful between slashes is refused between encoded ones too.
  for (const piece of decoded.split('/')) if (piece === '' || piece === '.' || piece === '..') refuseDots(piece);
  return decoded;
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    return fail('BAD_PATH', 'The path is not valid percent-encoded UTF-8');
  }
}

function refuseDots(segment: string): never {
  return fail('BAD_PATH', segment === '' ? 'The path has an empty segment' : 'The path has a "." or ".." segment');
}
