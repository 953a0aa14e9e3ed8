/** Runs works, at most `size` of them at a time; the others wait in the order in which they came. */
export function createLimit(size: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= size) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      // The place goes to the next in line without becoming free in between.
      else next();
    }
  };
}
