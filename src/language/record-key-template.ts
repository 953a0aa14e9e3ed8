import type { Problem } from './problem.ts';
import { isEncoded } from './record-key-text.ts';
import { type Part, parseText } from './text.ts';

/** A document's `key_template`, parsed. Unusable when it has problems. */
export interface KeyTemplate {
  readonly source: string;
  readonly problems: readonly Problem[];
  /** In the order of the key. An optional part may be null. */
  readonly parts: readonly { readonly name: string; readonly optional: boolean }[];
  readonly segments: readonly KeySegment[];
}

/** What stands between two slashes: a literal, or one part with literals around it. */
export type KeySegment =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'part';
      readonly name: string;
      readonly optional: boolean;
      readonly prefix: string;
      readonly suffix: string;
    };

/**
 * Makes record keys of parts and parts of keys. Segments are joined with `/`; in a part `%`, `/` and control characters are percent-encoded,
 * an empty text is `%` and null (of an optional part) nothing. Two different tuples never make one key, and the keys that share their
 * leading parts stand together in byte order.
 */
export interface KeyCodec {
  /** Names, in the order of the key. */
  readonly parts: readonly string[];
  /** Own members count; others than the parts are passed over. Fails with VALUE_MISSING, or with VALUE_INVALID also beyond 1024 bytes. */
  encode(parts: Readonly<Record<string, unknown>>): string;
  /**
   * What the keys with these leading parts begin with: whole segments, each with its slash. Absent (undefined) parts end it; null is the
   * value of an optional part. Fails with VALUE_INVALID when a later part is given without an earlier one, or all are.
   */
  prefix(parts: Readonly<Record<string, unknown>>): string;
  /** Null prototype. Fails with VALUE_INVALID when the key does not have the form of the template. */
  decode(key: string): Record<string, string | null>;
  /** The key itself when it has the form of the template, else VALUE_INVALID. */
  check(key: string): string;
}

/**
 * Parses `literal/{part}/{part?}`. Each segment holds one part at most, with literals around it if need be: so two different tuples of
 * parts never give one key.
 */
export function parseKeyTemplate(source: string): KeyTemplate {
  const problems: Problem[] = [];
  const report = (message: string, fix?: string) => {
    problems.push({ code: 'KEY_INVALID', message, pointer: '', ...(fix === undefined ? {} : { fix }) });
  };
  const parsed = parseText(source);
  for (const { message, fix } of parsed.problems) report(message, fix);
  const segments: KeySegment[] = [];
  const parts: { name: string; optional: boolean }[] = [];
  for (const pieces of splitSegments(parsed.parts)) {
    const segment = parseSegment(pieces, report);
    if (segment === null) continue;
    segments.push(segment);
    if (segment.kind === 'literal') continue;
    if (parts.some((part) => part.name === segment.name)) report(`The part "${segment.name}" stands there twice`);
    parts.push({ name: segment.name, optional: segment.optional });
  }
  return { source, problems, parts, segments };
}

/** The parts of a text between its slashes. Slashes inside of a substitution do not count. */
export function splitSegments(parts: readonly Part[]): readonly (readonly Part[])[] {
  let current: Part[] = [];
  const segments = [current];
  for (const part of parts) {
    if (part.kind === 'path') {
      current.push(part);
      continue;
    }
    part.text.split('/').forEach((text, index) => {
      if (index > 0) {
        current = [];
        segments.push(current);
      }
      if (text !== '') current.push({ kind: 'literal', text });
    });
  }
  return segments;
}

function parseSegment(pieces: readonly Part[], report: (message: string, fix?: string) => void): KeySegment | null {
  const at = pieces.findIndex((piece) => piece.kind === 'path');
  const [first] = pieces;
  if (first === undefined) {
    report(
      'A segment of the key is empty',
      'Remove a slash at its beginning or end, or one of two that stand side by side',
    );
    return null;
  }
  for (const piece of pieces) {
    if (piece.kind === 'literal' && !isEncoded(piece.text))
      report(`"${piece.text}" may not stand in a key`, 'Literals are free of "%" and control characters');
  }
  const piece = pieces[at];
  if (piece?.kind !== 'path') return first.kind === 'literal' ? { kind: 'literal', text: first.text } : null;
  if (pieces.some((other, index) => index !== at && other.kind === 'path')) {
    report(
      'A segment holds more than one part, and different parts could give the same key',
      'Put a slash between them',
    );
    return null;
  }
  const { path, optional, slice } = piece;
  if (path.steps.length > 0 || slice !== null || path.name === '__proto__') {
    report(`"${path.source}" is not the name of a part`, 'A part is {name} or {name?}');
    return null;
  }
  const affix = (other: Part | undefined) => (other?.kind === 'literal' ? other.text : '');
  return { kind: 'part', name: path.name, optional, prefix: affix(pieces[at - 1]), suffix: affix(pieces[at + 1]) };
}
