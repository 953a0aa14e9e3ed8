import { type Load, quantile, type Sample, sample } from './load.ts';
import type { Subject } from './subjects.ts';

const WARM_UP_SECONDS = 1;
const WARM_UP_CONNECTIONS = 8;

/** How long and how often; one round has one stretch for each server. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  /** Requests that a server answers before it counts: until then it runs code that is not compiled yet. */
  readonly warmUpRequests: number;
}

/** Two servers under the same load in one run. */
export interface Comparison {
  readonly first: Summary;
  readonly second: Summary;
  /** Requests per second, first over second, of each round's pair of neighbours. */
  readonly ratio: Spread;
  /** Processor time of a request, second over first: the same question, asked of what does not depend on who else is running. */
  readonly processorRatio: Spread | null;
}

export interface Spread {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Medians over the rounds. */
export interface Summary extends Sample {
  readonly subject: string;
}

/** Two servers, each as one process. */
export type Pair = readonly [first: Subject, second: Subject];

/** Compares two servers, one process each. */
export function compare(first: Subject, second: Subject, load: Load, effort: Effort): Promise<Comparison> {
  return compareStarts([[first, second]], load, effort);
}

/**
 * Loads two servers in turn, A B B A A B ..., so that neither always comes first, and compares neighbours only: machines change their
 * speed from one half minute to the next. Each pair is another start of the same two, and rounds go through them: two processes of one
 * program stay some percent apart for as long as they run.
 */
export async function compareStarts(pairs: readonly Pair[], load: Load, effort: Effort): Promise<Comparison> {
  for (const subject of pairs.flat()) await warmUp(subject, load, effort.warmUpRequests / load.weight);
  const ofFirst: Sample[] = [];
  const ofSecond: Sample[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const start = round % pairs.length;
    const [first, second] = pairs[start]!;
    const firstLeads = (start + Math.floor(round / pairs.length)) % 2 === 0;
    if (firstLeads) ofFirst.push(await sample(first, load, effort.seconds));
    ofSecond.push(await sample(second, load, effort.seconds));
    if (!firstLeads) ofFirst.push(await sample(first, load, effort.seconds));
  }
  const neighbours = ofFirst.map((a, round) => [a, ofSecond[round]!] as const);
  const times = neighbours.flatMap(([a, b]) =>
    a.serverUs === null || b.serverUs === null ? [] : [b.serverUs / a.serverUs],
  );
  const [first, second] = pairs[0]!;
  return {
    first: summary(first.name, ofFirst),
    second: summary(second.name, ofSecond),
    ratio: spread(neighbours.map(([a, b]) => a.requestsPerSecond / b.requestsPerSecond)),
    processorRatio: times.length === neighbours.length ? spread(times) : null,
  };
}

/** On one connection alone it would take many times as long to become warm. */
async function warmUp(subject: Subject, load: Load, requests: number): Promise<void> {
  const wide = { ...load, connections: Math.max(load.connections, WARM_UP_CONNECTIONS) };
  for (let answered = 0; answered < requests; ) {
    const { requestsPerSecond } = await sample(subject, wide, WARM_UP_SECONDS);
    answered += requestsPerSecond * WARM_UP_SECONDS;
  }
}

function summary(subject: string, samples: readonly Sample[]): Summary {
  const of = (value: (sample: Sample) => number) => median(samples.map(value));
  const known = samples.every((sample) => sample.serverUs !== null);
  return {
    subject,
    requestsPerSecond: of((sample) => sample.requestsPerSecond),
    p50Ms: of((sample) => sample.p50Ms),
    p99Ms: of((sample) => sample.p99Ms),
    serverUs: known ? of((sample) => sample.serverUs ?? 0) : null,
    serverLoad: known ? of((sample) => sample.serverLoad ?? 0) : null,
    generatorLoad: of((sample) => sample.generatorLoad),
  };
}

/** Median and ends of figures, in any order. */
export function spread(values: readonly number[]): Spread {
  const ascending = [...values].sort((a, b) => a - b);
  return { median: median(ascending), lowest: ascending[0] ?? 0, highest: ascending.at(-1) ?? 0 };
}

/** Of figures in any order; 0 of none. */
export function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = ascending.length / 2;
  return Number.isInteger(middle)
    ? ((ascending[middle - 1] ?? 0) + (ascending[middle] ?? 0)) / 2
    : quantile(ascending, 0.5);
}
