import type { StepRun } from '../engine/contract.ts';
import type { StepSite, StepWatch } from '../engine/watch.ts';

/** What the steps of one operation and label did so far. */
export interface StepFigures {
  readonly op: string;
  /** Empty for steps without one. */
  readonly label: string;
  /** Every run is counted; skipped ones are not. */
  readonly runs: number;
  /** One run in 16 is timed: how many were, and how long they took together. Steps with steps inside take the time of those, too. */
  readonly timed: number;
  readonly timedMs: number;
}

type Counter = { -readonly [Name in keyof StepFigures]: StepFigures[Name] };

/** All but one in 16 cost a comparison and no look at the clock. */
const SAMPLE_MASK = 15;

/** Counts the runs of steps, and times some of them. */
export function createStepMetrics(): { readonly watch: StepWatch; figures(): readonly StepFigures[] } {
  const counters = new Map<string, Counter>();
  return {
    watch: {
      wrap(run, site) {
        const counter = counterOf(counters, site);
        // The first run of each is timed, so that rare steps have a figure, too.
        return (frame) => ((counter.runs++ & SAMPLE_MASK) === 0 ? timed(run, frame, counter) : run(frame));
      },
    },
    figures: () => [...counters.values()],
  };
}

function counterOf(counters: Map<string, Counter>, { op, label }: StepSite): Counter {
  const key = `${op}\0${label ?? ''}`;
  let counter = counters.get(key);
  if (counter === undefined) {
    counter = { op, label: label ?? '', runs: 0, timed: 0, timedMs: 0 };
    counters.set(key, counter);
  }
  return counter;
}

function timed(run: StepRun, frame: Parameters<StepRun>[0], counter: Counter): ReturnType<StepRun> {
  const startedAt = performance.now();
  const done = () => {
    counter.timed++;
    counter.timedMs += performance.now() - startedAt;
  };
  try {
    const signal = run(frame);
    if (signal instanceof Promise) return signal.finally(done);
    done();
    return signal;
  } catch (thrown) {
    done();
    throw thrown;
  }
}
