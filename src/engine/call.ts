import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { CompiledPipeline } from './compile-context.ts';
import type { Run, Signal } from './contract.ts';

/** Runs a shared pipeline with slots of its own and gives back its outputs, or the response that it made. */
export function callPipeline(
  pipeline: CompiledPipeline,
  run: Run,
  inputs: readonly unknown[],
): MaybePromise<Signal | { readonly outputs: readonly unknown[] }> {
  const slots: unknown[] = new Array(pipeline.slotCount()).fill(null);
  for (let index = 0; index < inputs.length; index++) slots[index] = inputs[index];
  const inner: Run = {
    slots,
    request: run.request,
    principal: run.principal,
    route: run.route,
    registry: run.registry,
    env: run.env,
    session: run.session,
  };
  const outputs = () => ({ outputs: pipeline.outputSlots().map((slot) => slots[slot] ?? null) });
  const signal = pipeline.run(inner);
  if (signal instanceof Promise) return signal.then((answer) => answer ?? outputs());
  return signal ?? outputs();
}
