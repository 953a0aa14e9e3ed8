import type { StepRun } from './contract.ts';

/** A name that a step binds, and where its value is kept. */
export interface BoundName {
  readonly name: string;
  readonly slot: number;
}

/** Which step it is, for whoever looks on. */
export interface StepSite {
  readonly op: string;
  readonly label: string | null;
  /** Where it stands: `3`, `3.then.1`, `3.catch.NOT_FOUND.1`, or behind the name of a shared pipeline, `add_artifact.2`. */
  readonly place: string;
  /** What the step itself binds; steps inside it bind their own. */
  readonly binds: readonly BoundName[];
}

/**
 * Looks on as steps run: for traces and timings. It is asked once for each step, when a definition is compiled; without one, steps run
 * as they are. A transaction is one step, `txn.begin`, with those up to its end inside.
 */
export interface StepWatch {
  /** What runs in place of the step; must answer as it does, at once or by promise. */
  wrap(run: StepRun, site: StepSite): StepRun;
  /** The step's `when` did not hold. */
  skipped?(site: StepSite): void;
}
