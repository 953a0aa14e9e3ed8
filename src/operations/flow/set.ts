import type { OperationHandler } from '../../engine/contract.ts';

/** See `operations/flow/set.json`. */
export const set: OperationHandler = {
  op: 'set',
  compile(step) {
    const bindings = step.bindings('*');
    const [only] = bindings;
    if (bindings.length === 1 && only !== undefined) {
      const { evaluate, store } = only;
      return (run) => {
        store(run, evaluate(run));
      };
    }
    return (run) => {
      // All are read before any is bound.
      const values = bindings.map((binding) => binding.evaluate(run));
      for (let index = 0; index < bindings.length; index++) bindings[index]!.store(run, values[index]);
    };
  },
};
