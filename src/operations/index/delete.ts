import type { DocumentPlan, IndexPlan, OperationHandler, Run } from '../../engine/contract.ts';
import type { Filter } from '../../ports/record-store.ts';
import { type MaybePromise, whenReady } from '../../shared/maybe-promise.ts';
import { goOn, invalidArgument } from '../arguments.ts';
import { compileKey } from './filters.ts';

/** Rows that are looked for at a time. */
const PAGE = 500;

/** See `operations/index/delete.json`. */
export const indexDelete: OperationHandler = {
  op: 'index.delete',
  compile(step) {
    const index = step.index('index');
    if (!index.manual) return goOn;
    const key = compileKey(step, index);
    return (run) => {
      const { where } = key(run);
      if (where.length === 0) throw invalidArgument('key', 'an object of fields');
      return deleteRows(run, index, index.document, where);
    };
  },
};

/** Deletes page after page: what was deleted is not found again, so that each page is the first. */
function deleteRows(
  run: Run,
  index: IndexPlan,
  document: DocumentPlan,
  where: readonly Filter[],
): MaybePromise<undefined> {
  const { records } = run.session;
  return whenReady(records.query(index, { where, order: [], limit: PAGE, cursor: null }, true), (page) => {
    for (const row of page.records) records.delete(document, row.key);
    return page.next === null ? goOn() : deleteRows(run, index, document, where);
  });
}
