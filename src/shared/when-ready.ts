import type { MaybePromise } from './maybe-promise.ts';

/**
 * Runs `next` on the value: now if it is here, later otherwise. A module must not export this as `then`: `import()` takes a module
 * with an export of that name for a promise, and calls it.
 */
export function whenReady<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
