/** When a worker that lives is taken for one that will never answer again. */
export interface Patience {
  /** Between two questions. */
  readonly everyMs: number;
  /** So many questions without an answer are too many. */
  readonly unanswered: number;
}

/** Longer than anything holds a worker's thread that does what it should. */
export const PATIENCE: Patience = { everyMs: 5000, unanswered: 5 };

/** Watches whether somebody still answers. */
export interface Pulse {
  answered(): void;
  stop(): void;
}

/**
 * Calls `ask` again and again, and `onSilent` once, when too many questions have had no answer. Questions are counted, not time: a machine
 * that slept, or a parent that was held up, has asked nothing meanwhile.
 */
export function watchPulse(ask: () => void, onSilent: () => void, { everyMs, unanswered }: Patience): Pulse {
  let asked = 0;
  const timer = setInterval(() => {
    if (asked < unanswered) {
      asked++;
      ask();
      return;
    }
    clearInterval(timer);
    onSilent();
  }, everyMs);
  timer.unref();
  return {
    answered() {
      asked = 0;
    },
    stop: () => clearInterval(timer),
  };
}
