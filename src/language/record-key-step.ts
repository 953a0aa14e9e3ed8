import { fail } from '../errors/registry-error.ts';
import type { Frame, Prelude, Scope } from './frame.ts';
import { type Problem, pointerTo } from './problem.ts';
import { isNull, unwrap } from './read.ts';
import { type KeyCodec, type KeySegment, type KeyTemplate, splitSegments } from './record-key-template.ts';
import { checkLength, encodePart } from './record-key-text.ts';
import { compileTemplate, parseTemplate, type Template } from './template.ts';
import { joinPreludes } from './template-text.ts';
import { type Part, parseText } from './text.ts';
import type { Use } from './use.ts';
import { isByteHandle } from './values.ts';

type PartSegment = Extract<KeySegment, { kind: 'part' }>;

/** The `key` argument of a step, parsed. */
export interface StepKey {
  readonly uses: readonly Use[];
  readonly problems: readonly Problem[];
  readonly form: StepKeyForm;
}

export type StepKeyForm =
  /** One template for each part; null for an optional part that is left out. */
  | {
      readonly kind: 'parts';
      readonly segments: readonly KeySegment[];
      readonly templates: ReadonlyMap<string, Template>;
    }
  /** A value that is a whole key or an object of parts. */
  | { readonly kind: 'whole'; readonly template: Template };

/**
 * Parses a step's key for a document whose key template has no problems. It is one of:
 * - a text in the form of the template, whose segments are literals or values of the parts: `artifact/{ns}/{meta.name}/latest`;
 * - an object of parts: `{"namespace": "$ns", "name": "$name"}`, where optional parts may be left out;
 * - a reference (or expression) as a whole, whose value is an encoded key or an object of parts. Where the template is one part and nothing
 *   else, `$x` is `{x}`: the value of that part.
 */
export function parseStepKey(json: unknown, template: KeyTemplate): StepKey {
  if (typeof json === 'string') return parseTextKey(json, template);
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return parseObjectKey(json, template);
  return invalid(
    "A key is a text in the form of the document's key, an object of its parts, or a reference to either",
    template,
  );
}

function parseTextKey(text: string, template: KeyTemplate): StepKey {
  const whole = parseTemplate(text);
  const isReference = whole.node.kind === 'path' || whole.node.kind === 'expression';
  const [only] = template.segments;
  const isBare = template.segments.length === 1 && only?.kind === 'part' && only.prefix === '' && only.suffix === '';
  if (isReference && !(isBare && whole.node.kind === 'path')) {
    const uses = whole.uses.map((use) =>
      use === ownUse(whole) ? { ...use, place: 'text' as const, optional: false } : use,
    );
    return { uses, problems: whole.problems, form: { kind: 'whole', template: whole } };
  }
  const parsed = parseText(text);
  const [problem] = parsed.problems;
  if (problem !== undefined) return invalid(problem.message, template);
  const segments = splitSegments(parsed.parts);
  if (segments.length !== template.segments.length) {
    return invalid(
      `The key has ${count(segments.length)}, but that of the document has ${template.segments.length}`,
      template,
    );
  }
  const values = new Map<string, unknown>();
  for (const [index, segment] of template.segments.entries()) {
    const pieces = segments[index] ?? [];
    const value = segment.kind === 'literal' ? literalOf(pieces) : partOf(pieces, segment);
    if (value === null || (segment.kind === 'literal' && value !== segment.text)) {
      return invalid(`Segment ${index + 1} of the key does not have the form of "${showSegment(segment)}"`, template);
    }
    if (segment.kind === 'part' && !(value === '' && segment.optional)) values.set(segment.name, value);
  }
  return fromParts(values, template, () => '');
}

function parseObjectKey(json: object, template: KeyTemplate): StepKey {
  if (Object.hasOwn(json, '$literal')) return invalid('A key cannot be a literal', template);
  for (const name of Object.keys(json)) {
    if (!template.parts.some((part) => part.name === name))
      return invalid(`The key has no part "${name}"`, template, pointerTo('', name));
  }
  const missing = template.parts.find((part) => !part.optional && !Object.hasOwn(json, part.name));
  if (missing !== undefined) return invalid(`The part "${missing.name}" of the key is missing`, template);
  return fromParts(new Map(Object.entries(json)), template, (name) => pointerTo('', name));
}

/** `values`: a template's JSON for each part that is given. */
function fromParts(
  values: ReadonlyMap<string, unknown>,
  template: KeyTemplate,
  pointerOf: (part: string) => string,
): StepKey {
  const uses: Use[] = [];
  const problems: Problem[] = [];
  const templates = new Map<string, Template>();
  for (const segment of template.segments) {
    if (segment.kind === 'literal' || !values.has(segment.name)) continue;
    const base = pointerOf(segment.name);
    const part = parseTemplate(values.get(segment.name));
    templates.set(segment.name, part);
    problems.push(...part.problems.map((problem) => ({ ...problem, pointer: base + problem.pointer })));
    problems.push(
      ...misfits(part, segment).map((message) => ({ code: 'KEY_INVALID' as const, message, pointer: base })),
    );
    const own = ownUse(part);
    for (const use of part.uses) {
      // A part that may not be null is as strict about it as a text.
      const place = use === own ? { place: 'text' as const, optional: segment.optional } : {};
      uses.push({ ...use, ...place, pointer: base + use.pointer });
    }
  }
  return { uses, problems, form: { kind: 'parts', segments: template.segments, templates } };
}

/** The reading that is the whole of a template. */
function ownUse(template: Template): Use | null {
  return template.node.kind === 'path' ? template.node.use : null;
}

/** What is wrong with a part, as far as the load can tell. */
function misfits(part: Template, segment: PartSegment): string[] {
  const { node } = part;
  if (node.kind === 'list' || node.kind === 'record' || node.kind === 'composed')
    return [`The part "${segment.name}" of a key cannot be an object or array`];
  if (node.kind === 'path' && node.use.optional && !segment.optional)
    return [`The part "${segment.name}" of the key may not be left out`];
  if (node.kind !== 'constant') return [];
  if (node.value === null) return segment.optional ? [] : [`The part "${segment.name}" of the key may not be null`];
  return typeof node.value === 'object' ? [`The part "${segment.name}" of a key cannot be an object or array`] : [];
}

function literalOf(pieces: readonly Part[]): string | null {
  const [piece] = pieces;
  return pieces.length === 1 && piece?.kind === 'literal' ? piece.text : null;
}

/** The template of a part's value: what stands between the affixes, written anew; null when the affixes are not there. */
function partOf(pieces: readonly Part[], segment: PartSegment): string | null {
  const substitutions = pieces.filter((piece) => piece.kind === 'path').length;
  // Two values side by side could come out the same in different ways.
  if (substitutions > 1) return null;
  const rest = [...pieces];
  const first = rest[0];
  if (segment.prefix !== '') {
    if (first?.kind !== 'literal' || !first.text.startsWith(segment.prefix)) return null;
    rest[0] = { kind: 'literal', text: first.text.slice(segment.prefix.length) };
  }
  const last = rest.at(-1);
  if (segment.suffix !== '') {
    if (last?.kind !== 'literal' || !last.text.endsWith(segment.suffix)) return null;
    rest[rest.length - 1] = { kind: 'literal', text: last.text.slice(0, -segment.suffix.length) };
  }
  const written = rest.map(writePart).join('');
  return written === '' && !segment.optional ? null : written;
}

function writePart(part: Part): string {
  if (part.kind === 'literal') return part.text.replaceAll('$', '$$$$').replaceAll('{', '{{').replaceAll('}', '}}');
  const { path, optional, slice } = part;
  const cut = slice === null ? '' : `:${slice.start}${slice.length === null ? '' : `:${slice.length}`}`;
  return `{${path.source}${optional ? '?' : ''}${cut}}`;
}

function showSegment(segment: KeySegment): string {
  if (segment.kind === 'literal') return segment.text;
  return `${segment.prefix}{${segment.name}${segment.optional ? '?' : ''}}${segment.suffix}`;
}

function count(segments: number): string {
  return segments === 1 ? 'one segment' : `${segments} segments`;
}

function invalid(message: string, template: KeyTemplate, pointer = ''): StepKey {
  const problem: Problem = { code: 'KEY_INVALID', message, pointer, fix: `The document's key is "${template.source}"` };
  return { uses: [], problems: [problem], form: { kind: 'parts', segments: [], templates: new Map() } };
}

/**
 * Compiles a step's key without problems into a closure that gives the encoded key. It fails with VALUE_MISSING or VALUE_INVALID.
 * `codec` is that of the template which the key was parsed for.
 */
export function compileStepKey(
  key: StepKey,
  codec: KeyCodec,
  scope: Scope,
): { readonly evaluate: (frame: Frame) => string; readonly prelude: Prelude | null } {
  if (key.form.kind === 'whole') return compileWhole(key.form.template, codec, scope);
  const { segments, templates } = key.form;
  const preludes: Prelude[] = [];
  const writers = segments.map((segment): ((frame: Frame) => string) => {
    if (segment.kind === 'literal') return () => segment.text;
    const { name, optional, prefix, suffix } = segment;
    const template = templates.get(name);
    if (template === undefined) return () => prefix + suffix;
    const { evaluate, prelude } = compileTemplate(template, scope);
    if (prelude !== null) preludes.push(prelude);
    return (frame) => prefix + encodePart(name, optional, evaluate(frame)) + suffix;
  });
  const [first = () => '', ...others] = writers;
  const evaluate = (frame: Frame): string => {
    let written = first(frame);
    for (const write of others) written += `/${write(frame)}`;
    return checkLength(written);
  };
  return { evaluate, prelude: joinPreludes(preludes) };
}

function compileWhole(template: Template, codec: KeyCodec, scope: Scope): ReturnType<typeof compileStepKey> {
  const { evaluate, prelude } = compileTemplate(template, scope);
  const path = template.uses[0]?.path ?? 'key';
  return {
    prelude,
    evaluate(frame) {
      const value = evaluate(frame);
      if (isNull(value)) return fail('VALUE_MISSING', `The key "${path}" is missing`, { path });
      const plain = unwrap(value);
      if (typeof plain === 'string') return codec.check(plain);
      if (!isParts(plain))
        return fail('VALUE_INVALID', `"${path}" is neither a key nor an object of its parts`, { path });
      return codec.encode(plain);
    },
  };
}

function isParts(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isByteHandle(value);
}
