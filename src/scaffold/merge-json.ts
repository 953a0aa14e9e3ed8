import { applyEdits, findNodeAtLocation, type JSONPath, modify, parse, parseTree } from 'jsonc-parser';
import { RegistryError } from '../errors/registry-error.ts';
import { printJson } from './print-json.ts';

const FORMAT = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' } };
const MARK = '\u0000here';
const PRINTED_MARK = JSON.stringify(MARK);

/**
 * The text of a JSON object with another object merged in: objects by key, lists by appending, everything that stands in it staying as it was
 * written. Fails with ALREADY_EXISTS where a value would be replaced.
 */
export function mergeJson(text: string, addition: Readonly<Record<string, unknown>>): string {
  return merge(text, parse(text), addition, []);
}

function merge(text: string, present: unknown, addition: Readonly<Record<string, unknown>>, path: JSONPath): string {
  let merged = text;
  for (const [key, value] of Object.entries(addition)) {
    const at = [...path, key];
    const there = isObject(present) ? present[key] : undefined;
    if (there === undefined) merged = set(merged, at, value);
    else if (isObject(there) && isObject(value)) merged = merge(merged, there, value, at);
    else if (Array.isArray(there) && Array.isArray(value)) {
      const missing = value.filter((element) => !there.some((own) => JSON.stringify(own) === JSON.stringify(element)));
      if (there.length === 0) merged = set(merged, at, value);
      else for (const element of missing) merged = append(merged, at, element);
    } else throw new RegistryError('ALREADY_EXISTS', { message: `"${at.join('.')}" is there already` });
  }
  return merged;
}

/** jsonc-parser finds the place and spreads over lines all that it writes: it writes a mark there, for which the value is put. */
function set(text: string, path: JSONPath, value: unknown): string {
  const marked = applyEdits(text, modify(text, path, MARK, FORMAT));
  const at = marked.indexOf(PRINTED_MARK);
  const before = marked.slice(marked.lastIndexOf('\n', at) + 1, at);
  const printed = printJson(value, /^ */.exec(before)?.[0], before.length);
  return marked.slice(0, at) + printed + marked.slice(at + PRINTED_MARK.length);
}

/** To a list that is not empty; on the same line where the list stands on one. */
function append(text: string, path: JSONPath, value: unknown): string {
  const list = findNodeAtLocation(parseTree(text)!, path)!;
  const last = list.children!.at(-1)!;
  const before = text.slice(list.offset, last.offset);
  const indent = /\n([ \t]*)[^\n]*$/.exec(before)?.[1] ?? null;
  const printed = indent === null ? `, ${printJson(value)}` : `,\n${indent}${printJson(value, indent)}`;
  const end = last.offset + last.length;
  return text.slice(0, end) + printed + text.slice(end);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
