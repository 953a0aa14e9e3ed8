import { byteHandleMember, isByteHandle, plainHandle, StoredValue } from './values.ts';

/**
 * The member of a value that a path names, or undefined. Own properties only; of arrays the elements, by number or by the
 * decimal text of it; of a document those of its JSON; of bytes what `byteHandleMember` knows. Texts have no members.
 */
export function member(value: unknown, name: string | number): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof StoredValue) return member(value.value, name);
  if (isByteHandle(value)) return byteHandleMember(value, String(name));
  if (Array.isArray(value) && name === 'length') return undefined;
  return Object.hasOwn(value, name) ? (value as Record<string | number, unknown>)[name] : undefined;
}

/**
 * The plain JSON of a value, at any depth: documents parsed, bytes described. Shares everything that needs no change, so the
 * result must not be changed either.
 */
export function toPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof StoredValue) return value.value;
  if (isByteHandle(value)) return plainHandle(value);
  if (Array.isArray(value)) {
    let copy: unknown[] | null = null;
    for (let index = 0; index < value.length; index++) {
      const plain = toPlain(value[index]);
      if (plain === value[index]) continue;
      copy ??= [...value];
      copy[index] = plain;
    }
    return copy ?? value;
  }
  let copy: object | null = null;
  // `for in` allocates nothing. Values have no inherited enumerable members.
  for (const name in value) {
    const item: unknown = (value as Record<string, unknown>)[name];
    const plain = toPlain(item);
    if (plain === item) continue;
    copy ??= { ...value };
    setOwn(copy, name, plain);
  }
  return copy ?? value;
}

/** Sets an own property, whatever its name: `__proto__` too is an ordinary one. */
export function setOwn(object: object, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    (object as Record<string, unknown>)[name] = value;
  }
}
