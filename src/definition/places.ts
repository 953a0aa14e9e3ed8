import type { Place } from './findings.ts';
import type { SourceFile } from './source-file.ts';
import type { Json } from './types.ts';

/** A member of an object or array of the definition, or (`member` null) the object or array itself. */
export interface Spot {
  readonly container: object;
  readonly member: string | number | null;
}

/** Where the objects and arrays of all files stand. They are known by identity, so nothing that is looked at is ever copied. */
export interface Places {
  addContainer(
    container: object,
    file: SourceFile,
    offset: number,
    parent: { readonly container: object; readonly member: string | number } | null,
  ): void;
  addMember(container: object, member: string | number, keyOffset: number, valueOffset: number): void;
  /** Has a file's objects and arrays added when a place is first asked for: of a definition without findings nobody asks. */
  addLater(add: () => void): void;
  /** The place of a spot; that of the container where the member is absent. */
  place(spot: Spot, at: 'key' | 'value'): Place;
  /** Goes down from a spot by a JSON pointer, as far as what is there allows. */
  follow(spot: Spot, pointer: string): Spot;
}

interface Entry {
  readonly file: SourceFile;
  readonly offset: number;
  readonly parent: { readonly container: object; readonly member: string | number } | null;
  readonly members: Map<string | number, { readonly key: number; readonly value: number }>;
}

export function createPlaces(): Places {
  const entries = new WeakMap<object, Entry>();
  let later: (() => void)[] = [];

  function entryOf(container: object): Entry {
    const waiting = entries.has(container) ? [] : later;
    if (waiting.length > 0) later = [];
    for (const add of waiting) add();
    const entry = entries.get(container);
    if (entry === undefined) throw new Error('A value was looked up that no file holds');
    return entry;
  }

  function pointerOf(container: object): string {
    const { parent } = entryOf(container);
    return parent === null ? '' : `${pointerOf(parent.container)}/${escapePointer(String(parent.member))}`;
  }

  return {
    addContainer(container, file, offset, parent) {
      entries.set(container, { file, offset, parent, members: new Map() });
    },
    addMember(container, member, keyOffset, valueOffset) {
      entryOf(container).members.set(member, { key: keyOffset, value: valueOffset });
    },
    addLater(add) {
      later.push(add);
    },
    place({ container, member }, at) {
      const entry = entryOf(container);
      const found = member === null ? undefined : entry.members.get(member);
      if (member === null || found === undefined) return entry.file.at(entry.offset, pointerOf(container));
      const pointer = `${pointerOf(container)}/${escapePointer(String(member))}`;
      return entry.file.at(at === 'key' ? found.key : found.value, pointer);
    },
    follow(spot, pointer) {
      let here = spot;
      for (const segment of pointer.split('/').slice(1)) {
        const value = memberOf(here);
        if (typeof value !== 'object' || value === null) break;
        const name = segment.replaceAll('~1', '/').replaceAll('~0', '~');
        const member = Array.isArray(value) ? Number(name) : name;
        if (!Object.hasOwn(value, member)) break;
        here = { container: value, member };
      }
      return here;
    },
  };
}

/** The spot of a member of an object or array. */
export function spotOf(container: object, member: string | number | null = null): Spot {
  return { container, member };
}

/** What stands at a spot; undefined where nothing does. */
export function memberOf({ container, member }: Spot): Json | undefined {
  // Spots are only made of the definition's JSON.
  return (member === null ? container : Object.getOwnPropertyDescriptor(container, member)?.value) as Json | undefined;
}

/** One segment of a JSON pointer, escaped (RFC 6901). */
export function escapePointer(segment: string): string {
  return segment.replaceAll('~', '~0').replaceAll('/', '~1');
}
