import type { Json, JsonObject } from '../definition/types.ts';

/** Content written as text, `{json}`, `{base64}` or `{repeat, times}`. */
export function bytesOf(content: Json): Buffer {
  if (typeof content === 'string') return Buffer.from(content);
  const { json, base64, repeat, times } = object(content);
  if (json !== undefined) return Buffer.from(JSON.stringify(json));
  if (typeof repeat === 'string') return Buffer.from(repeat.repeat(Number(times)));
  return Buffer.from(String(base64), 'base64');
}

/** A JSON object, or an empty one where there is none. */
export function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** The object with each of its values replaced. */
export function mapValues(value: Json | undefined, map: (value: Json, name: string) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object(value)).map(([name, item]) => [name, map(item, name)]));
}
