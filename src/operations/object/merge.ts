import type { OperationHandler } from '../../engine/contract.ts';
import { writeJson } from '../../language/json.ts';
import { setOwn, toPlain } from '../../language/member.ts';
import { StoredValue } from '../../language/values.ts';
import { asObject, invalidArgument, isPlainObject } from '../arguments.ts';

/** See `operations/object/merge.json`. */
export const objectMerge: OperationHandler = {
  op: 'object.merge',
  compile(step) {
    const given = step.value('in');
    const bind = step.bind('out');
    return (run) => {
      const list = given(run);
      if (!Array.isArray(list)) throw invalidArgument('in', 'a list of objects');
      const objects = list.filter((object) => object !== null && object !== undefined);
      for (const object of objects) asObject(object, 'in');
      bind(run, spliced(objects) ?? merged(objects));
    };
  },
};

/**
 * The stored texts of documents one after the other, with what is added to them, where no name can stand in two of them: a name of an
 * object that is not stored is nowhere in a stored text, and there is one stored text. Null where that is not known.
 */
function spliced(objects: readonly unknown[]): StoredValue | null {
  const stored = objects.filter((object) => object instanceof StoredValue);
  if (stored.length !== 1) return null;
  const [document] = stored as [StoredValue];
  const added = merged(objects.filter((object) => object !== document));
  for (const name in added)
    if (document.text.includes(JSON.stringify(name)) || document.text.includes('\\u')) return null;
  const members = [document.text, writeJson(added)]
    .map((text) => text.slice(1, -1))
    .filter((text) => text.trim() !== '');
  return new StoredValue(document.key, `{${members.join(',')}}`, 0);
}

/** Of members with one name the last counts. */
function merged(objects: readonly unknown[]): Readonly<Record<string, unknown>> {
  const all = {};
  for (const object of objects) {
    const plain = object instanceof StoredValue ? toPlain(object) : object;
    if (!isPlainObject(plain)) continue;
    for (const name in plain) setOwn(all, name, (plain as Record<string, unknown>)[name]);
  }
  return all;
}
