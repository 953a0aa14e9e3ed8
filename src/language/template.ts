import { type Expression, parseExpression } from './expression.ts';
import { setOwn } from './member.ts';
import { type Path, readPath } from './path.ts';
import { type Problem, pointerTo } from './problem.ts';
import { checkRootMember } from './read.ts';
import { parseText, readBraces, type Slice } from './text.ts';
import type { Use } from './use.ts';

export {
  type CompiledMember,
  type CompiledTemplate,
  type CompiledText,
  compileMembers,
  compileTemplate,
  compileText,
  type EncodeText,
} from './template-compile.ts';
export type { Use } from './use.ts';

/** A parsed template: any JSON value in which texts may refer to variables. */
export interface Template {
  readonly json: unknown;
  /** Every reading of a variable, in the order written. */
  readonly uses: readonly Use[];
  readonly problems: readonly Problem[];
  /** It reads nothing: its value is known at load. */
  readonly constant: boolean;
  readonly node: TemplateNode;
}

/** What a piece of a template turned out to be. */
export type TemplateNode =
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'path'; readonly path: Path; readonly use: Use }
  | { readonly kind: 'text'; readonly text: TextNode }
  | { readonly kind: 'expression'; readonly expression: Expression; readonly use: Use }
  | { readonly kind: 'list'; readonly items: readonly TemplateNode[] }
  | { readonly kind: 'record'; readonly members: readonly (readonly [string | TextNode, TemplateNode])[] }
  /** An object with members that may be left out (`name?`) or are those of other objects (`...`). */
  | { readonly kind: 'composed'; readonly pieces: readonly ObjectPiece[] };

/** Of an object that is composed: a member, left out where it is `optional` and null, or all members of an object or of a list of them. */
export type ObjectPiece =
  | {
      readonly kind: 'member';
      readonly key: string | TextNode;
      readonly value: TemplateNode;
      readonly optional: boolean;
    }
  | { readonly kind: 'spread'; readonly value: TemplateNode };

/** A text with at least one substitution: `literals` has one entry more than `parts` and stands around them. */
export interface TextNode {
  readonly literals: readonly string[];
  readonly parts: readonly { readonly path: Path; readonly slice: Slice | null; readonly use: Use }[];
}

/**
 * Parses any JSON value. A string is, tried in this order on the whole of it, a reference `$path`, a reference `{path}`, an
 * expression `{% ... %}`, or a text. `{"$literal": x}` is x untouched. Keys of objects are texts; one that ends in `?` is left out where its value
 * is null, and `...` stands for the members of its value. Nothing is thrown.
 */
export function parseTemplate(json: unknown): Template {
  const uses: Use[] = [];
  const problems: Problem[] = [];
  const node = parseValue(json, '', { uses, problems });
  return { json, uses, problems, constant: node.kind === 'constant', node };
}

interface Notes {
  readonly uses: Use[];
  readonly problems: Problem[];
}

function parseValue(json: unknown, pointer: string, notes: Notes): TemplateNode {
  if (typeof json === 'string') return parseString(json, pointer, notes);
  if (typeof json !== 'object' || json === null) return { kind: 'constant', value: json ?? null };
  if (Array.isArray(json)) {
    const items = json.map((item, index) => parseValue(item, pointerTo(pointer, index), notes));
    return fold({ kind: 'list', items });
  }
  const entries = Object.entries(json);
  if (Object.hasOwn(json, '$literal')) {
    if (entries.length > 1) {
      const message = '"$literal" must be the only key of its object';
      notes.problems.push({ code: 'TEMPLATE_INVALID', message, pointer: pointerTo(pointer, '$literal') });
    }
    return { kind: 'constant', value: freeze(Reflect.get(json, '$literal')) };
  }
  const pieces = entries.map(([key, value]): ObjectPiece => {
    const at = pointerTo(pointer, key);
    if (key === SPREAD) return { kind: 'spread', value: parseSpread(value, at, notes) };
    const optional = key.endsWith('?') && !key.endsWith('??');
    const text = key.endsWith('?') ? key.slice(0, -1) : key;
    return { kind: 'member', key: parseKey(text, at, notes), value: parseValue(value, at, notes), optional };
  });
  const names = new Set<string>();
  for (const piece of pieces) {
    if (piece.kind === 'spread' || typeof piece.key !== 'string') continue;
    const { key } = piece;
    if (names.has(key)) {
      notes.problems.push({ code: 'TEMPLATE_INVALID', message: `The key "${key}" is written twice`, pointer });
    }
    names.add(key);
  }
  const members: [string | TextNode, TemplateNode][] = [];
  for (const piece of pieces) {
    if (piece.kind === 'spread' || piece.optional) return { kind: 'composed', pieces };
    members.push([piece.key, piece.value]);
  }
  return fold({ kind: 'record', members });
}

/** The key that stands for the members of its value. */
const SPREAD = '...';

function parseSpread(json: unknown, pointer: string, notes: Notes): TemplateNode {
  const value = parseValue(json, pointer, notes);
  const isObjects = value.kind !== 'text' && (value.kind !== 'constant' || typeof value.value === 'object');
  if (!isObjects) {
    const message = `"${SPREAD}" stands for the members of an object`;
    const fix = 'Refer to one: "$name", or to several: ["$a", "$b"]';
    notes.problems.push({ code: 'TEMPLATE_INVALID', message, pointer, fix });
  }
  return value;
}

function parseString(text: string, pointer: string, notes: Notes): TemplateNode {
  const whole = readWhole(text);
  if (whole !== null) {
    const use = noteUse(whole.path, 'value', whole.optional, pointer, notes);
    return { kind: 'path', path: whole.path, use };
  }
  if (text.length >= 4 && text.startsWith('{%') && text.endsWith('%}')) {
    const expression = parseExpression(text.slice(2, -2), pointer);
    notes.uses.push(...expression.uses);
    notes.problems.push(...expression.problems);
    const use: Use = { name: '', path: text, place: 'expression', optional: false, whole: false, pointer };
    return { kind: 'expression', expression, use };
  }
  const parsed = parseTextNode(text, pointer, notes);
  return typeof parsed === 'string' ? { kind: 'constant', value: parsed } : { kind: 'text', text: parsed };
}

/** `$path` or `{path}` or `{path?}` as the whole string. With a slice it is a text. */
function readWhole(text: string): { readonly path: Path; readonly optional: boolean } | null {
  if (text.startsWith('$')) {
    const named = readPath(text, 1);
    return named?.end === text.length ? { path: named.path, optional: false } : null;
  }
  const braces = readBraces(text, 0);
  return braces?.end === text.length && braces.part.slice === null ? braces.part : null;
}

function parseKey(key: string, pointer: string, notes: Notes): string | TextNode {
  if (key.startsWith('{%') && key.endsWith('%}')) {
    const message = 'A key is a text and cannot be an expression';
    notes.problems.push({
      code: 'TEMPLATE_INVALID',
      message,
      pointer,
      fix: 'Write the whole object as one expression',
    });
  }
  return parseTextNode(key, pointer, notes);
}

function parseTextNode(text: string, pointer: string, notes: Notes): string | TextNode {
  const parsed = parseText(text);
  for (const problem of parsed.problems) notes.problems.push({ code: 'TEMPLATE_INVALID', pointer, ...problem });
  const literals: string[] = [''];
  const parts: TextNode['parts'][number][] = [];
  for (const part of parsed.parts) {
    if (part.kind === 'literal') {
      literals[literals.length - 1] = part.text;
    } else {
      const use = noteUse(part.path, 'text', part.optional, pointer, notes);
      parts.push({ path: part.path, slice: part.slice, use });
      literals.push('');
    }
  }
  return parts.length === 0 ? literals.join('') : { literals, parts };
}

function noteUse(path: Path, place: Use['place'], optional: boolean, pointer: string, notes: Notes): Use {
  const use: Use = { name: path.name, path: path.source, place, optional, whole: path.steps.length === 0, pointer };
  notes.uses.push(use);
  const problem = checkRootMember(path, pointer, 'TEMPLATE_INVALID');
  if (problem !== null) notes.problems.push(problem);
  for (const step of path.steps) {
    if (step.kind === 'look') noteUse(step.path, 'value', false, pointer, notes);
  }
  return use;
}

/** An array or object of constants is itself one, made here once and frozen. */
function fold(node: Extract<TemplateNode, { kind: 'list' | 'record' }>): TemplateNode {
  if (node.kind === 'list') {
    if (!node.items.every((item) => item.kind === 'constant')) return node;
    return { kind: 'constant', value: Object.freeze(node.items.map((item) => item.value)) };
  }
  const value = {};
  for (const [key, member] of node.members) {
    if (typeof key !== 'string' || member.kind !== 'constant') return node;
    setOwn(value, key, member.value);
  }
  return { kind: 'constant', value: Object.freeze(value) };
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) freeze(item);
  }
  return value;
}
