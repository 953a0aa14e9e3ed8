import type { DocumentPlan, OperationHandler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import type { StoredValue } from '../../language/values.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { goOn } from '../arguments.ts';
import { compileTtl } from './ttl.ts';

/** See `operations/kv/cas_put.json`. The read is noted by the transaction, so that the commit checks it again. */
export const kvCasPut: OperationHandler = {
  op: 'kv.cas_put',
  compile(step) {
    const document = step.document('doc');
    const key = step.key('key', document);
    const value = step.value('value');
    const ifAbsent = step.boolean('if_absent', false);
    const ifVersion = step.integer('if_version');
    const ttl = compileTtl(step);
    return (run) => {
      const { records } = run.session;
      const at = key(run);
      return whenReady(records.get(document, at, true), (current) => {
        check(document, current, ifAbsent(run), ifVersion(run));
        return whenReady(records.put(document, at, value(run), ttl(run)), goOn);
      });
    };
  },
};

function check(document: DocumentPlan, current: StoredValue | null, ifAbsent: boolean, ifVersion: number | null): void {
  if (ifAbsent && current !== null) {
    throw new RegistryError('ALREADY_EXISTS', { details: { document: document.name, key: current.key } });
  }
  if (ifVersion !== null && current?.version !== ifVersion) {
    throw new RegistryError('VERSION_MISMATCH', {
      details: { document: document.name, version: current?.version ?? null },
    });
  }
}
