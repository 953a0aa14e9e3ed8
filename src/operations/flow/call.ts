import type { OperationHandler, Run } from '../../engine/contract.ts';
import { setOwn } from '../../language/member.ts';
import { whenReady } from '../../shared/maybe-promise.ts';
import { asObject } from '../arguments.ts';

/** See `operations/flow/call.json`. */
export const flowCall: OperationHandler = {
  op: 'flow.call',
  compile(step) {
    const call = step.call('pipeline');
    const given = step.value('with');
    const bind = compileOutputs(step.has('out') ? step.bind('out') : null, call.outputs, (name) => step.bindName(name));
    return (run) => {
      const values = asObject(given(run), 'with');
      const inputs = call.inputs.map((name) => (values !== null && Object.hasOwn(values, name) ? values[name] : null));
      return whenReady(call.run(run, inputs), (result) => {
        if (result === undefined || !('outputs' in result)) return result;
        bind(run, result.outputs);
        return undefined;
      });
    };
  },
};

type Store = (run: Run, value: unknown) => void;

/** As one object, or each under its own name. */
function compileOutputs(
  whole: Store | null,
  names: readonly string[],
  bindName: (name: string) => Store,
): (run: Run, outputs: readonly unknown[]) => void {
  if (whole !== null) {
    return (run, outputs) => {
      const object = {};
      names.forEach((name, index) => {
        setOwn(object, name, outputs[index]);
      });
      whole(run, object);
    };
  }
  const stores = names.map(bindName);
  return (run, outputs) => {
    stores.forEach((store, index) => {
      store(run, outputs[index]);
    });
  };
}
