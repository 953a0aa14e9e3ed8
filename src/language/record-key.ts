import { fail } from '../errors/registry-error.ts';
import type { KeyCodec, KeySegment, KeyTemplate } from './record-key-template.ts';
import { checkLength, decodePart, encodePart } from './record-key-text.ts';

export { compileStepKey, parseStepKey, type StepKey } from './record-key-step.ts';
export { type KeyCodec, type KeySegment, type KeyTemplate, parseKeyTemplate } from './record-key-template.ts';

/** Compiles a template without problems. */
export function compileKeyCodec(template: KeyTemplate): KeyCodec {
  const { segments } = template;
  const parts = template.parts.map((part) => part.name);

  const decode = (key: string): Record<string, string | null> => {
    const pieces = key.split('/');
    const values: Record<string, string | null> = Object.create(null);
    const fits =
      pieces.length === segments.length &&
      segments.every((segment, index) => readSegment(segment, pieces[index] ?? '', values));
    return fits ? values : fail('VALUE_INVALID', 'This is not the key of such a record');
  };

  return {
    parts,
    encode: (values) => checkLength(segments.map((segment) => writeSegment(segment, own(values, segment))).join('/')),
    prefix(values) {
      const end = segments.findIndex((segment) => segment.kind === 'part' && own(values, segment) === undefined);
      if (end < 0) return fail('VALUE_INVALID', 'A prefix leaves out one part of the key at least');
      const late = segments.slice(end).find((segment) => own(values, segment) !== undefined);
      if (late?.kind === 'part')
        fail('VALUE_INVALID', `A prefix gives leading parts only, and "${late.name}" comes after one that is left out`);
      const start = segments
        .slice(0, end)
        .map((segment) => `${writeSegment(segment, own(values, segment))}/`)
        .join('');
      return start === '' ? start : checkLength(start);
    },
    decode,
    check(key) {
      decode(key);
      return checkLength(key);
    },
  };
}

function own(values: Readonly<Record<string, unknown>>, segment: KeySegment): unknown {
  return segment.kind === 'part' && Object.hasOwn(values, segment.name) ? values[segment.name] : undefined;
}

function writeSegment(segment: KeySegment, value: unknown): string {
  if (segment.kind === 'literal') return segment.text;
  return segment.prefix + encodePart(segment.name, segment.optional, value) + segment.suffix;
}

/** Reads one segment into `values`; false when it does not fit. */
function readSegment(segment: KeySegment, piece: string, values: Record<string, string | null>): boolean {
  if (segment.kind === 'literal') return piece === segment.text;
  const { prefix, suffix } = segment;
  if (piece.length < prefix.length + suffix.length || !piece.startsWith(prefix) || !piece.endsWith(suffix))
    return false;
  const value = decodePart(piece.slice(prefix.length, piece.length - suffix.length));
  if (value === undefined || (value === null && !segment.optional)) return false;
  values[segment.name] = value;
  return true;
}
