import type { MaybePromise } from '../../src/shared/maybe-promise.ts';
import { type Spread, spread } from '../measure.ts';

/** Something whose time is taken. */
export type Work = RepeatedWork | TimedWork;

export interface RepeatedWork {
  readonly name: string;
  /** Does it so many times. */
  run(times: number): MaybePromise<void>;
}

/** A program that takes its own time. */
export interface TimedWork {
  readonly name: string;
  /** Has it run and gives the nanoseconds for one time. */
  eachNs(): number;
}

/** `cpu`: the processor time of this process, which others hardly disturb. `wall`: for what waits, or runs elsewhere. */
export type Clock = 'cpu' | 'wall';

export interface WorkEffort {
  readonly rounds: number;
  /** How long one is at work before it is the other's turn. */
  readonly stretchMs: number;
}

/** Nanoseconds for one time of each, and how many times longer the first takes than its neighbour in turn. */
export interface WorkComparison {
  readonly first: Spread;
  readonly second: Spread;
  readonly ratio: Spread;
}

/** Has both at work in turn, A B B A A B ..., after a stretch that does not count. */
export async function compareWork(
  first: Work,
  second: Work,
  clock: Clock,
  { rounds, stretchMs }: WorkEffort,
): Promise<WorkComparison> {
  const [firstTimes, secondTimes] = [await timesFor(first, clock, stretchMs), await timesFor(second, clock, stretchMs)];
  const ofFirst: number[] = [];
  const ofSecond: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const firstLeads = round % 2 === 0;
    if (firstLeads) ofFirst.push(await eachNs(first, clock, firstTimes));
    ofSecond.push(await eachNs(second, clock, secondTimes));
    if (!firstLeads) ofFirst.push(await eachNs(first, clock, firstTimes));
  }
  return {
    first: spread(ofFirst),
    second: spread(ofSecond),
    ratio: spread(ofFirst.map((ns, round) => ns / (ofSecond[round] ?? ns))),
  };
}

/** How often it fits into a stretch, found by doubling: so it is also warm. */
async function timesFor(work: Work, clock: Clock, stretchMs: number): Promise<number> {
  if ('eachNs' in work) return 1;
  for (let times = 1; ; times *= 2) {
    const ms = ((await eachNs(work, clock, times)) * times) / 1e6;
    if (ms >= stretchMs / 2) return Math.max(1, Math.round((times * stretchMs) / ms));
  }
}

async function eachNs(work: Work, clock: Clock, times: number): Promise<number> {
  if ('eachNs' in work) return work.eachNs();
  const before = nowNs(clock);
  await work.run(times);
  return (nowNs(clock) - before) / times;
}

function nowNs(clock: Clock): number {
  if (clock === 'wall') return performance.now() * 1e6;
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** What a function does at once, or later. Its results are looked at, so that none is left out. */
export function repeated(name: string, act: () => MaybePromise<unknown>): RepeatedWork {
  return {
    name,
    async run(times) {
      for (let time = 0; time < times; time++) {
        const result = act();
        // What is there at once is not waited for: that would take longer than most of what is measured.
        seen = result instanceof Promise ? await result : result;
      }
    },
  };
}

/** The latest result of anything. */
export let seen: unknown = null;
