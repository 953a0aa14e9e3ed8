/** Values of a leaf at most. Moving so many costs less than finding their place. */
const MOST = 256;

/**
 * Values in order, each once. They stand in leaves of some hundred, so that adding one moves that many at most, however many there are.
 */
export class SortedSet<T> {
  readonly #compare: (a: T, b: T) => number;
  /** None is empty. */
  readonly #leaves: T[][] = [];

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  add(value: T): void {
    if (this.#append(value)) return;
    const place = this.#leafOf(value);
    const leaf = this.#leaves[place] ?? [];
    const at = this.#firstFrom(leaf, value);
    if (at < leaf.length && this.#compare(leaf[at] as T, value) === 0) return;
    leaf.splice(at, 0, value);
    if (leaf.length > MOST) this.#leaves.splice(place + 1, 0, leaf.splice(MOST >> 1));
  }

  /** Much comes in ascending order: then nothing has to be sought, and full leaves stay behind. */
  #append(value: T): boolean {
    const leaf = this.#leaves.at(-1);
    if (leaf !== undefined && this.#compare(leaf.at(-1) as T, value) >= 0) return false;
    if (leaf === undefined || leaf.length === MOST) this.#leaves.push([value]);
    else leaf.push(value);
    return true;
  }

  delete(value: T): void {
    const place = this.#leafOf(value);
    const leaf = this.#leaves[place];
    if (leaf === undefined) return;
    const at = this.#firstFrom(leaf, value);
    if (at === leaf.length || this.#compare(leaf[at] as T, value) !== 0) return;
    if (leaf.length === 1) this.#leaves.splice(place, 1);
    else leaf.splice(at, 1);
  }

  get isEmpty(): boolean {
    return this.#leaves.length === 0;
  }

  /** Calls back with all in order. */
  forEach(each: (value: T) => void): void {
    for (const leaf of this.#leaves) for (const value of leaf) each(value);
  }

  /** Those that are not below `value`, in order. */
  *from(value: T): Iterable<T> {
    let place = this.#leafOf(value);
    let at = this.#firstFrom(this.#leaves[place] ?? [], value);
    for (; place < this.#leaves.length; place++, at = 0) {
      const leaf = this.#leaves[place] ?? [];
      for (; at < leaf.length; at++) yield leaf[at] as T;
    }
  }

  /** The last leaf that does not begin above `value`, or the first. */
  #leafOf(value: T): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.#leaves[middle]?.[0] as T, value) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Place of the first that is not below `value`. */
  #firstFrom(leaf: readonly T[], value: T): number {
    let low = 0;
    let high = leaf.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(leaf[middle] as T, value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
