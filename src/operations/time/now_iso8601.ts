import type { OperationHandler } from '../../engine/contract.ts';

/** See `operations/time/now_iso8601.json`. */
export const nowIso8601: OperationHandler = {
  op: 'time.now_iso8601',
  compile(step) {
    const bind = step.bind('out');
    return (run) => {
      bind(run, new Date(run.session.now()).toISOString());
    };
  },
};
