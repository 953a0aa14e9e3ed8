/** Place of the first element above `value` in a sorted array. */
export function firstAbove<T>(sorted: readonly T[], value: T, compare: (a: T, b: T) => number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(sorted[middle] as T, value) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
