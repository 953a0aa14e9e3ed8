/** How long work holds up everybody else at a time. */
const SLICE_MS = 8;

/** Work that takes long, in slices between which others get their turn. */
export interface Slices {
  /** Whether this slice has taken as long as it may: between two pieces of work. */
  isOver(): boolean;
  /** Milliseconds of this slice so far. */
  spent(): number;
  /** Lets others go first, and begins the next slice. */
  rest(): Promise<void>;
  /** Begins the next slice at once: there was a wait. */
  restart(): void;
}

export function createSlices(): Slices {
  let start = performance.now();
  const restart = () => {
    start = performance.now();
  };
  return {
    isOver: () => performance.now() - start >= SLICE_MS,
    spent: () => performance.now() - start,
    restart,
    rest: () => new Promise<void>((resolve) => setImmediate(resolve)).then(restart),
  };
}
