import { fail } from '../../errors/registry-error.ts';

/** VALUE_INVALID unless it is a whole number of bytes or the like, 0 or more. */
export function checkCount(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) fail('VALUE_INVALID', `${value} is not a whole number of 0 or more`);
}

/** VALUE_INVALID unless it is a finite time in milliseconds, more than 0. */
export function checkDuration(ms: number): void {
  if (!Number.isFinite(ms) || ms <= 0) fail('VALUE_INVALID', `${ms} is not a time of more than 0 ms`);
}
