import { fail } from '../errors/registry-error.ts';
import type { Frame } from './frame.ts';
import { writeJson } from './json.ts';
import { setOwn, toPlain } from './member.ts';
import type { Read } from './read.ts';
import { isByteHandle, StoredValue } from './values.ts';

/** A piece of an object: a member by its key, or (`key` null) the members of the objects that `value` gives. */
export interface ComposedPiece {
  readonly key: ((frame: Frame) => string) | null;
  readonly value: Read;
  /** Left out where its value is null. */
  readonly optional: boolean;
}

/**
 * Makes objects of pieces; of members with one name the last counts. A stored document that is only added to is sent on as it was stored,
 * with the other members after it: nothing is parsed or printed again. Fails with VALUE_INVALID where what is to give members is no object.
 */
export function compileComposed(pieces: readonly ComposedPiece[]): Read {
  if (pieces.every(({ key }) => key !== null))
    return (frame) => putTogether(pieces, valuesOf(pieces, frame), frame, null);
  return (frame) => {
    const values = valuesOf(pieces, frame);
    const stored = onlyStored(pieces, values);
    return (
      (stored === null ? null : spliced(stored, pieces, values, frame)) ?? putTogether(pieces, values, frame, null)
    );
  };
}

function valuesOf(pieces: readonly ComposedPiece[], frame: Frame): readonly unknown[] {
  const values: unknown[] = [];
  for (const { value } of pieces) values.push(value(frame));
  return values;
}

/** Of what gives members, the one stored document; null where there is none or another. */
function onlyStored(pieces: readonly ComposedPiece[], values: readonly unknown[]): StoredValue | null {
  let found: StoredValue | null = null;
  for (let index = 0; index < pieces.length; index++) {
    const value = values[index];
    if (pieces[index]!.key !== null) continue;
    const inList = Array.isArray(value) ? value.filter((object) => object instanceof StoredValue) : [];
    const stored: StoredValue | undefined = value instanceof StoredValue ? value : inList[0];
    if (stored === undefined) continue;
    if (found !== null || inList.length > 1) return null;
    found = stored;
  }
  return found;
}

/**
 * The stored text with the other members after it, where no name can stand in both: a name that is in the stored text as no text is no name
 * of it either. Null where that is not known.
 */
function spliced(
  stored: StoredValue,
  pieces: readonly ComposedPiece[],
  values: readonly unknown[],
  frame: Frame,
): StoredValue | null {
  if (stored.text.includes('\\u') || !stored.text.startsWith('{') || !stored.text.endsWith('}')) return null;
  const added = putTogether(pieces, values, frame, stored);
  for (const name in added) if (stored.text.includes(JSON.stringify(name))) return null;
  const members = [stored.text, writeJson(added)].map((text) => text.slice(1, -1)).filter((text) => text.trim() !== '');
  return new StoredValue(stored.key, `{${members.join(',')}}`, 0);
}

function putTogether(
  pieces: readonly ComposedPiece[],
  values: readonly unknown[],
  frame: Frame,
  without: StoredValue | null,
): Readonly<Record<string, unknown>> {
  const all = {};
  for (let index = 0; index < pieces.length; index++) {
    const { key, optional } = pieces[index]!;
    const value = values[index];
    if (key === null) addMembers(all, value, without);
    else if (!optional || (value !== null && value !== undefined)) setOwn(all, key(frame), value);
  }
  return all;
}

function addMembers(all: object, value: unknown, without: StoredValue | null): void {
  if (value === null || value === undefined || value === without) return;
  if (Array.isArray(value)) {
    for (const object of value) addMembers(all, object, without);
    return;
  }
  const plain = value instanceof StoredValue ? toPlain(value) : value;
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain) || isByteHandle(plain)) {
    fail('VALUE_INVALID', 'Only an object has members to be put into another');
  }
  for (const name in plain) setOwn(all, name, (plain as Record<string, unknown>)[name]);
}
