import type { OperationHandler } from '../../engine/contract.ts';
import { compileDraft } from './draft.ts';

/** See `operations/respond/empty.json`. */
export const respondEmpty: OperationHandler = {
  op: 'respond.empty',
  compile(step) {
    const draft = compileDraft(step);
    return (run) => draft(run, NO_BODY, null, null);
  },
};

const NO_BODY = Object.freeze({ kind: 'none' });
