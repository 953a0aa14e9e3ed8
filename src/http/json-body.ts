import { fail, toRegistryError } from '../errors/registry-error.ts';
import { parseJsonText } from '../shared/parse-json.ts';

/** No request to a system route needs more. */
const MAX_BYTES = 64 * 1024;

/** The JSON value that a system route was sent. Fails with BODY_TOO_LARGE, BODY_TRUNCATED or JSON_INVALID. */
export async function readJson(body: ReadableStream<Uint8Array> | null): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_BYTES) fail('BODY_TOO_LARGE');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw toRegistryError(cause, 'BODY_TRUNCATED');
  }
  try {
    return parseJsonText(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)));
  } catch {
    fail('JSON_INVALID');
  }
}

interface Kinds {
  readonly text: string;
  readonly texts: readonly string[];
  readonly flag: boolean;
  readonly seconds: number;
}
type Shape = Readonly<Record<string, keyof Kinds>>;
type Required<S extends Shape> = { readonly [K in keyof S]: Kinds[S[K]] };
type Optional<S extends Shape> = { readonly [K in keyof S]: Kinds[S[K]] | null };

const FITS: { readonly [K in keyof Kinds]: (value: unknown) => boolean } = {
  text: (value) => typeof value === 'string',
  texts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  flag: (value) => typeof value === 'boolean',
  seconds: (value) => Number.isSafeInteger(value) && Number(value) > 0,
};
const WORDS: Readonly<Record<keyof Kinds, string>> = {
  text: 'a text',
  texts: 'a list of texts',
  flag: 'true or false',
  seconds: 'a whole number of seconds above 0',
};

/**
 * The members of a JSON object by their kinds; an optional one that is absent or null is null. Fails with VALUE_INVALID on what does
 * not fit and on members that mean nothing, which are likely misspelt.
 */
export function readFields<const R extends Shape, const O extends Shape>(
  value: unknown,
  required: R,
  optional: O,
): Required<R> & Optional<O> {
  const names = [...Object.keys(required), ...Object.keys(optional)];
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    fail('VALUE_INVALID', `The body is an object with ${names.join(', ')}`);
  const given = new Map(Object.entries(value));
  const unknown = [...given.keys()].filter((name) => !names.includes(name));
  if (unknown.length > 0)
    fail(
      'VALUE_INVALID',
      `Nothing is known of ${unknown.map((name) => JSON.stringify(name)).join(', ')}; there are ${names.join(', ')}`,
    );
  const fields: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries({ ...required, ...optional })) {
    const field: unknown = given.get(name) ?? null;
    if (field === null && name in required) fail('VALUE_INVALID', `${name} is missing: ${WORDS[kind]}`);
    if (field !== null && !FITS[kind](field)) fail('VALUE_INVALID', `${name} must be ${WORDS[kind]}`);
    fields[name] = field;
  }
  return fields as Required<R> & Optional<O>;
}
