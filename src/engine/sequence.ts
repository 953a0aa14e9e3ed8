import { type RegistryError, toRegistryError } from '../errors/registry-error.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { Run, Signal, StepRun } from './contract.ts';

/** One compiled step and how errors name it. */
export interface SequenceStep {
  readonly run: StepRun;
  /** Label of the step, or its operation with its place in the list: `kv.get (3)`. */
  readonly site: string;
}

/**
 * Steps one after the other until one responds. As long as no step returns a promise, none is made. Whatever a step throws
 * leaves as a RegistryError that names the step.
 */
export function sequence(steps: readonly SequenceStep[]): StepRun {
  const runs = steps.map((step) => step.run);
  const sites = steps.map((step) => step.site);
  return (run) => runFrom(runs, sites, 0, run);
}

function runFrom(runs: readonly StepRun[], sites: readonly string[], start: number, run: Run): MaybePromise<Signal> {
  let index = start;
  try {
    for (; index < runs.length; index++) {
      const signal = runs[index]!(run);
      if (signal === undefined) {
        if ((index & 3) === 3) run.session.checkCpu();
        continue;
      }
      if (!(signal instanceof Promise)) return signal;
      run.session.suspend();
      return resume(runs, sites, index, run, signal);
    }
  } catch (thrown) {
    throw namedError(thrown, sites[index]);
  }
  return undefined;
}

async function resume(
  runs: readonly StepRun[],
  sites: readonly string[],
  waiting: number,
  run: Run,
  pending: Promise<Signal>,
): Promise<Signal> {
  let index = waiting;
  try {
    let signal = await pending;
    run.session.resume(sites[index]);
    while (signal === undefined && ++index < runs.length) {
      run.session.checkCpu();
      const result = runs[index]!(run);
      if (result instanceof Promise) {
        run.session.suspend();
        signal = await result;
        run.session.resume(sites[index]);
      } else signal = result;
    }
    return signal;
  } catch (thrown) {
    run.session.resume(sites[index]);
    throw namedError(thrown, sites[index]);
  }
}

/** Whatever a step threw, naming the step; the innermost step is the one that is named. */
export function namedError(thrown: unknown, site: string | undefined): RegistryError {
  const error = toRegistryError(thrown);
  error.step ??= site;
  return error;
}
