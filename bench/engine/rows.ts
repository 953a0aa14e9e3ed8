import type { Clock, Work, WorkComparison } from './work.ts';

/** One thing beside another, and what is asked of the first. */
export interface EngineRow {
  readonly name: string;
  readonly title: string;
  readonly part: 'engine' | 'floor';
  readonly first: Work;
  readonly second: Work;
  /** Default: `cpu`. */
  readonly clock?: Clock;
  /** Of what one run of both is made: the figures are for one of them. Default: 1. */
  readonly of?: number;
  /** Nanoseconds that the first must stay below; absent: nothing is asked. */
  readonly belowNs?: number;
}

/** A row with its figures, as it is kept; all in nanoseconds. */
export interface EngineResult extends WorkComparison {
  readonly name: string;
  readonly title: string;
  readonly part: EngineRow['part'];
  readonly subjects: readonly [string, string];
  readonly clock: Clock;
  readonly belowNs: number | null;
}
