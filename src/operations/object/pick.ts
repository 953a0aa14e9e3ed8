import type { OperationHandler } from '../../engine/contract.ts';
import { setOwn } from '../../language/member.ts';
import { asObject } from '../arguments.ts';

/** See `operations/object/pick.json`. */
export const objectPick: OperationHandler = {
  op: 'object.pick',
  compile(step) {
    const from = step.value('from');
    const fields = namesOf(step.literal('fields'));
    const except = namesOf(step.literal('except'));
    const bind = step.bind('out');
    return (run) => {
      const object = asObject(from(run), 'from');
      const picked = {};
      for (const name in object ?? {}) {
        if (except !== null ? except.has(name) : fields?.has(name) !== true) continue;
        setOwn(picked, name, object?.[name]);
      }
      bind(run, object === null ? null : picked);
    };
  },
};

function namesOf(written: unknown): ReadonlySet<string> | null {
  return Array.isArray(written) ? new Set(written.map(String)) : null;
}
