/** Lets one task at a time run for each key, in the order they came. */
export interface Turns {
  run<T>(key: string, task: () => Promise<T>): Promise<T>;
  /** Waits for the turn of every key. Only one caller at a time may use it, or two could wait for each other. */
  runAll<T>(keys: readonly string[], task: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();

  async function run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = last.get(key);
    const turn = before === undefined ? task() : before.then(task, task);
    const settled = turn.then(ignore, ignore);
    last.set(key, settled);
    try {
      return await turn;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  }

  return {
    run,
    runAll(keys, task) {
      const nested = keys.reduceRight((inner, key) => () => run(key, inner), task);
      return nested();
    },
  };
}

function ignore(): void {}
