import { isDeepStrictEqual } from 'node:util';
import type { Definition } from './definition/types.ts';
import type { Plan } from './engine/compile.ts';

/** Why a definition cannot take the place of another while its stores are open, as a sentence; null when it can. */
export function whyNotInPlace(old: Definition, next: Definition): string | null {
  const sections = [
    ['storage.kv_stores', old.kvStores, next.kvStores],
    ['storage.blob_stores', old.blobStores, next.blobStores],
  ] as const;
  for (const [name, before, after] of sections) {
    if (isDeepStrictEqual(before, after) && isDeepStrictEqual(Object.keys(before), Object.keys(after))) continue;
    return `"${name}" has changed, and stores are opened only at the start: restart the server`;
  }
  for (const document of Object.values(next.documents)) {
    const before = old.documents[document.name];
    if (before === undefined) continue;
    if (before.store !== document.store) {
      return `The document "${document.name}" has moved to another store, which would leave its records behind: restart the server`;
    }
    if (before.keyTemplate !== document.keyTemplate) {
      return `The document "${document.name}" has another key template, under which its records would not be found: restart the server`;
    }
  }
  return null;
}

/** Whether an index or collection that is in use changes: what was compiled before could not go on writing it. */
export function changesCollections(old: Plan, next: Plan): boolean {
  return Object.keys(old.definition.kvStores).some((store) => {
    const before = new Map(old.collections(store).map((spec) => [spec.name, spec]));
    return next.collections(store).some((spec) => {
      const known = before.get(spec.name);
      return known !== undefined && !isDeepStrictEqual(known, spec);
    });
  });
}
