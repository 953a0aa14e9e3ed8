import { fail } from '../errors/registry-error.ts';

/** What one evaluation may use at most. */
export const EXPRESSION_LIMITS = Object.freeze({
  /** UTF-16 units of the source. */
  sourceLength: 2000,
  /** Evaluations inside each other. */
  depth: 64,
  /** Of the processor's time. */
  timeMs: 100,
  /** JSON bytes of the result. */
  resultBytes: 1024 * 1024,
  /** Elements of one list on the way. */
  listLength: 100_000,
  /** UTF-16 units of one text on the way. */
  textLength: 16 * 1024 * 1024,
});

/** On the processor's clock. */
let startedMs = 0;
/** On the wall's clock: no look at the other, dearer one is due before. */
let deadline = 0;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs evaluations one after the other. None of them ever waits for anything outside, so taking turns costs nothing, and the time
 * that one is measured by is its own. It is the processor's, because between two of its steps others may have theirs: a commit that
 * waits for a busy disk, or another process on a busy machine, is not the expression's fault.
 */
export function inTurn<T>(evaluate: () => Promise<T>): Promise<T> {
  const result = last.then(() => {
    startedMs = processorMs();
    deadline = performance.now() + EXPRESSION_LIMITS.timeMs;
    return evaluate();
  });
  last = result.catch(() => undefined);
  return result;
}

/** Fails with EXPRESSION_FAILED when the running evaluation has had its time. */
export function checkTime(): void {
  const now = performance.now();
  if (now <= deadline) return;
  const leftMs = EXPRESSION_LIMITS.timeMs - spentMs();
  if (leftMs < 0) fail('EXPRESSION_FAILED', `An expression took longer than ${EXPRESSION_LIMITS.timeMs} ms`);
  deadline = now + leftMs;
}

/** The processor's time that the running evaluation has had, in milliseconds. */
export function spentMs(): number {
  return processorMs() - startedMs;
}

function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Fails with EXPRESSION_FAILED when a value on the way has grown too large. */
export function checkSize(value: unknown): void {
  if (typeof value === 'string') checkTextLength(value.length);
  else if (Array.isArray(value)) checkListLength(value.length);
}

/** Fails with EXPRESSION_FAILED when a text of that many UTF-16 units is too long. */
export function checkTextLength(length: number): void {
  if (length > EXPRESSION_LIMITS.textLength) fail('EXPRESSION_FAILED', 'An expression made a text that is too long');
}

/** Fails with EXPRESSION_FAILED when a list of that many elements is too long. */
export function checkListLength(length: number): void {
  if (length > EXPRESSION_LIMITS.listLength) fail('EXPRESSION_FAILED', 'An expression made a list that is too long');
}
