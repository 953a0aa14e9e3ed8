import { applyEdits, type JSONPath, modify, parse } from 'jsonc-parser';
import { RegistryError } from '../errors/registry-error.ts';

const FORMAT = { formattingOptions: { insertSpaces: true, tabSize: 2, eol: '\n' } };

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
      missing.forEach((element, index) => {
        merged = set(merged, [...at, there.length + index], element, true);
      });
    } else throw new RegistryError('ALREADY_EXISTS', { message: `"${at.join('.')}" is there already` });
  }
  return merged;
}

function set(text: string, path: JSONPath, value: unknown, isArrayInsertion = false): string {
  return applyEdits(text, modify(text, path, value, { ...FORMAT, isArrayInsertion }));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
