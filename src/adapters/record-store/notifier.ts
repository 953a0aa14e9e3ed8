/** Callbacks told that something changed. Many changes in one turn of the event loop make one call. */
export interface Notifier {
  add(onChange: () => void): () => void;
  /** Calls back soon, never during the caller's own work. */
  notify(): void;
  readonly size: number;
  close(): void;
}

export function createNotifier(): Notifier {
  const listeners = new Set<{ readonly onChange: () => void }>();
  let isScheduled = false;
  return {
    add(onChange) {
      const listener = { onChange };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    notify() {
      if (isScheduled || listeners.size === 0) return;
      isScheduled = true;
      setImmediate(() => {
        isScheduled = false;
        for (const { onChange } of [...listeners]) onChange();
      });
    },
    get size() {
      return listeners.size;
    },
    close: () => listeners.clear(),
  };
}
