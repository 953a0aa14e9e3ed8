/**
 * Fair turns on records. Optimistic commits of one hot record can starve each other; a transaction that lost twice takes a turn on what
 * it fought for, and others of this process wait with their commits until it is done. Keys are opaque texts.
 */
export interface Turns {
  /** Waits for all keys, first come first served, and holds them until `release`. Rejects with the signal's reason. */
  take(keys: readonly string[], signal: AbortSignal): Promise<Turn>;
  /** Resolves when nobody else holds any of the keys; undefined when nobody does now. */
  wait(keys: () => Iterable<string>, own: Turn | null, signal: () => AbortSignal): Promise<void> | undefined;
}

export interface Turn {
  release(): void;
}

interface Hold {
  readonly turn: Turn;
  readonly released: Promise<void>;
}

export function createTurns(): Turns {
  // The last in line for each key; whoever comes next waits for it.
  const tails = new Map<string, Hold>();
  // Who holds a key now.
  const holders = new Map<string, Hold>();

  return {
    async take(keys, signal) {
      let open: () => void = () => {};
      const released = new Promise<void>((resolve) => {
        open = resolve;
      });
      const held: string[] = [];
      const turn: Turn = {
        release() {
          for (const key of held) if (holders.get(key) === hold) holders.delete(key);
          for (const key of keys) if (tails.get(key) === hold) tails.delete(key);
          open();
        },
      };
      const hold: Hold = { turn, released };
      // Entering all lines at once, in one go, keeps two takers from waiting for each other.
      const before = keys.map((key) => {
        const previous = tails.get(key);
        tails.set(key, hold);
        return previous;
      });
      try {
        for (const previous of before) if (previous !== undefined) await abortable(previous.released, signal);
      } catch (reason) {
        // Those behind us must not start before those ahead of us are done.
        void Promise.all(before.map((previous) => previous?.released)).then(() => turn.release());
        throw reason;
      }
      for (const key of keys) {
        holders.set(key, hold);
        held.push(key);
      }
      return turn;
    },

    wait(keys, own, signal) {
      if (holders.size === 0) return undefined;
      const busy: Promise<void>[] = [];
      for (const key of keys()) {
        const hold = holders.get(key);
        if (hold !== undefined && hold.turn !== own) busy.push(hold.released);
      }
      return busy.length === 0
        ? undefined
        : abortable(
            Promise.all(busy).then(() => undefined),
            signal(),
          );
    },
  };
}

function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    promise.then(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, reject);
  });
}
