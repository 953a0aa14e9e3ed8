import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
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
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false });
  const first = errors[0];
  if (first !== undefined || root === undefined) {
    const reason = first === undefined ? 'ValueExpected' : printParseErrorCode(first.error);
    report('JSON_INVALID', file.at(first?.offset ?? 0, ''), `This is not valid JSON: ${sentenceOf(reason)}`);
    return undefined;
  }
  return convert(root, file, places, null, report);
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
