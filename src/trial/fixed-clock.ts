import { type Clock, systemClock } from '../shared/clock.ts';

/** The system's clock, standing still at a moment (ISO 8601). */
export function fixedClock(now: string): Clock {
  return { ...systemClock, now: () => Date.parse(now) };
}
