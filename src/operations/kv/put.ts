import type { OperationHandler } from '../../engine/contract.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { goOn } from '../arguments.ts';
import { compileTtl } from './ttl.ts';

/** See `operations/kv/put.json`. */
export const kvPut: OperationHandler = {
  op: 'kv.put',
  compile(step) {
    const document = step.document('doc');
    const key = step.key('key', document);
    const value = step.value('value');
    const ttl = compileTtl(step);
    return (run) => whenReady(run.session.records.put(document, key(run), value(run), ttl(run)), goOn);
  },
};
