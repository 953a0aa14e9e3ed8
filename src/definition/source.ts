import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { endOfText, parseJsonText } from '../shared/parse-json.ts';
import type { Place } from './findings.ts';
import type { Places } from './places.ts';
import { createSourceFile, type SourceFile } from './source-file.ts';
import type { Json } from './types.ts';

/** Receives trouble found while parsing. */
export type ParseReport = (code: 'JSON_INVALID' | 'DUPLICATE_KEY', place: Place, message: string) => void;

/**
 * Strict JSON (no comments, no trailing commas) as plain values whose places are noted in `places`. Undefined when the text is not
 * JSON; the first syntax error is reported, as those after it mostly follow from it. Of duplicate keys the last counts, as with
 * `JSON.parse`; each later one is reported.
 */
export function parseSource(name: string, text: string, places: Places, report: ParseReport): Json | undefined {
  const file = createSourceFile(name, text);
  const value = parsePlain(text);
  if (value !== undefined) {
    places.addLater(() => {
      const root = parseTree(text, [], STRICT);
      if (root !== undefined) note(root, value, file, places, null);
    });
    return value;
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, STRICT);
  const first = errors[0];
  if (first !== undefined || root === undefined) {
    const reason = first === undefined ? 'ValueExpected' : printParseErrorCode(first.error);
    report('JSON_INVALID', file.at(first?.offset ?? 0, ''), `This is not valid JSON: ${sentenceOf(reason)}`);
    return undefined;
  }
  return convert(root, file, places, null, report);
}

const STRICT = { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false } as const;

/** The value of a text without syntax errors and duplicate keys, many times as quick as with its places; undefined for any other text. */
function parsePlain(text: string): Json | undefined {
  let value: Json;
  try {
    value = parseJsonText(text) as Json;
  } catch {
    return undefined;
  }
  // Of duplicate keys JSON.parse keeps the last: there are fewer members than keys then.
  return countKeys(text) === countMembers(value) ? value : undefined;
}

/** How many keys a valid JSON text has: texts in double quotes with a colon behind them. */
function countKeys(text: string): number {
  let count = 0;
  for (let start = text.indexOf('"'); start !== -1; ) {
    let next = endOfText(text, start);
    while (text.charCodeAt(next) <= SPACE) next++;
    if (text.charCodeAt(next) === COLON) count++;
    start = text.indexOf('"', next);
  }
  return count;
}

const SPACE = 0x20;
const COLON = 0x3a;

function countMembers(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  const members = Object.values(value);
  let count = Array.isArray(value) ? 0 : members.length;
  for (const member of members) count += countMembers(member);
  return count;
}

/** Adds the places of a value without duplicate keys. */
function note(node: Node, value: Json, file: SourceFile, places: Places, parent: Parent | null): void {
  if (typeof value !== 'object' || value === null) return;
  places.addContainer(value, file, node.offset, parent);
  (node.children ?? []).forEach((child, index) => {
    const [key, held] = child.type === 'property' ? (child.children ?? []) : [child, child];
    if (key === undefined || held === undefined) return;
    const member = child.type === 'property' ? String(key.value) : index;
    places.addMember(value, member, key.offset, held.offset);
    const inner: Json | undefined = Object.getOwnPropertyDescriptor(value, member)?.value;
    if (inner !== undefined) note(held, inner, file, places, { container: value, member });
  });
}

type Parent = { readonly container: object; readonly member: string | number };

function convert(node: Node, file: SourceFile, places: Places, parent: Parent | null, report: ParseReport): Json {
  const children = node.children ?? [];
  if (node.type === 'array') {
    const array: Json[] = [];
    places.addContainer(array, file, node.offset, parent);
    children.forEach((child, index) => {
      places.addMember(array, index, child.offset, child.offset);
      array.push(convert(child, file, places, { container: array, member: index }, report));
    });
    return array;
  }
  if (node.type !== 'object') return node.value as Json;
  const object: Record<string, Json> = {};
  places.addContainer(object, file, node.offset, parent);
  for (const property of children) {
    const [key, child] = property.children ?? [];
    if (key === undefined || child === undefined) continue;
    const name = String(key.value);
    const again = Object.hasOwn(object, name);
    places.addMember(object, name, key.offset, child.offset);
    if (again) {
      const { pointer } = places.place({ container: object, member: name }, 'key');
      report('DUPLICATE_KEY', file.at(key.offset, pointer), `The key "${name}" stands here for the second time`);
    }
    const value = convert(child, file, places, { container: object, member: name }, report);
    // A plain assignment to `__proto__` would change the prototype.
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  }
  return object;
}

const SENTENCES: Readonly<Record<string, string>> = {
  InvalidSymbol: 'a symbol that JSON does not know',
  InvalidNumberFormat: 'a number that is not well formed',
  PropertyNameExpected: 'a property name in double quotes is expected here',
  ValueExpected: 'a value is expected here',
  ColonExpected: 'a colon is expected here',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a closing brace is expected here',
  CloseBracketExpected: 'a closing bracket is expected here',
  EndOfFileExpected: 'nothing more is expected here',
  InvalidCommentToken: 'comments are not allowed',
  UnexpectedEndOfComment: 'comments are not allowed',
  UnexpectedEndOfString: 'a string does not end',
  UnexpectedEndOfNumber: 'a number does not end',
  InvalidUnicode: 'an escape in a string is not well formed',
  InvalidEscapeCharacter: 'an escape in a string is not well formed',
  InvalidCharacter: 'a control character in a string must be escaped',
};

function sentenceOf(reason: string): string {
  return SENTENCES[reason] ?? reason;
}
