/**
 * A value that is there already or will be. Stores that answer at once (SQLite, memory) return the value itself,
 * so that a request which does no I/O makes no promise.
 */
export type MaybePromise<T> = T | Promise<T>;

/**
 * Runs `next` on the value: now if it is here, later otherwise. Not called `then`: `import()` takes a module that exports
 * that name for a promise, and calls it.
 */
export function whenReady<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}
