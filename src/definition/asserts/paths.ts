import { isObject } from '../object-reader.ts';
import type { Json, JsonObject } from '../types.ts';

/**
 * The values at a dotted path into the definition: `ops.closed_world`, `api.routes[].id` (each element of a list),
 * `indexes.*.keys[].name` (each member of an object). Names that hold dots themselves (`books.title`) are found, the shortest first.
 * Empty where there is nothing.
 */
export function valuesAt(definition: JsonObject, path: string): readonly Json[] {
  return follow(definition, path.split('.'));
}

function follow(value: Json, segments: readonly string[]): readonly Json[] {
  const [first, ...rest] = segments;
  if (first === undefined) return [value];
  if (!isObject(value)) return [];
  if (first === '*') return Object.values(value).flatMap((member) => follow(member, rest));
  for (let count = 1; count <= segments.length; count++) {
    const name = segments.slice(0, count).join('.');
    const found = memberOf(value, name);
    if (found !== null) return found.flatMap((member) => follow(member, segments.slice(count)));
  }
  return [];
}

/** The member, or with `[]` after its name its elements; null when there is none. */
function memberOf(value: JsonObject, name: string): readonly Json[] | null {
  if (Object.hasOwn(value, name)) return [value[name] ?? null];
  if (!name.endsWith('[]')) return null;
  const list = value[name.slice(0, -2)];
  return Array.isArray(list) ? list : null;
}
