import type { OperationHandler } from '../../engine/contract.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { goOn } from '../arguments.ts';

/** See `operations/kv/get.json`. */
export const kvGet: OperationHandler = {
  op: 'kv.get',
  compile(step) {
    const document = step.document('doc');
    const asRegistry = step.literal('as') === 'registry';
    const bind = step.bind('out');
    const bindVersion = step.bind('out_version');
    if (step.has('keys')) {
      const keys = step.keys('keys', document);
      return (run) =>
        whenReady(run.session.records.getMany(document, keys(run), asRegistry), (records) => {
          bind(run, records);
          bindVersion(
            run,
            records.map((record) => record?.version ?? null),
          );
          return goOn();
        });
    }
    const key = step.key('key', document);
    return (run) =>
      whenReady(run.session.records.get(document, key(run), asRegistry), (record) => {
        bind(run, record);
        bindVersion(run, record?.version ?? null);
        return goOn();
      });
  },
};
