import type { OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { whenReady } from '../../shared/maybe-promise.ts';

/** See `operations/kv/delete.json`. */
export const kvDelete: OperationHandler = {
  op: 'kv.delete',
  compile(step) {
    const document = step.document('doc');
    const key = step.key('key', document);
    const mustExist = step.literal('if_exists') === 'error';
    const bind = step.bind('out');
    if (!mustExist && !step.has('out')) {
      return (run) => {
        run.session.records.delete(document, key(run));
      };
    }
    return (run) => {
      const { records } = run.session;
      const at = key(run);
      return whenReady(records.get(document, at, true), (current) => {
        if (current === null && mustExist) throw new RegistryError('NOT_FOUND');
        if (current !== null) records.delete(document, at);
        bind(run, current !== null);
        return undefined;
      });
    };
  },
};
