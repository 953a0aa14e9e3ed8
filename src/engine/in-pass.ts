import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { Run } from './contract.ts';
import type { RequestSession } from './session.ts';

/** Does the work of a call or of a round of a loop. In a transaction its once-steps are told from those of other calls and rounds. */
export function inPass<T>(run: Run, place: string, work: () => MaybePromise<T>): MaybePromise<T> {
  const { txn } = run.session as RequestSession;
  if (txn === null) return work();
  const around = txn.enter(place);
  try {
    const result = work();
    if (result instanceof Promise) return result.finally(() => txn.leave(around));
    txn.leave(around);
    return result;
  } catch (thrown) {
    txn.leave(around);
    throw thrown;
  }
}
