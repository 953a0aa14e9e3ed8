import { statSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Changes that come this close together are one: editors write a file in several steps. */
const QUIET_MS = 100;

/**
 * Runs `action` now and again after changes of JSON files in the folder (or the folder of the file); one run at a time, and once more where
 * something changed meanwhile. Resolves on SIGINT or SIGTERM, when a run under way is over.
 */
export async function watchFolder(path: string, action: () => Promise<void>): Promise<void> {
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  let changed = true;
  let stopped = false;
  let wake: () => void = () => {};
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_event, name) => {
    if (name === null || !name.endsWith('.json')) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      changed = true;
      wake();
    }, QUIET_MS);
  });
  const stop = () => {
    stopped = true;
    wake();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    while (!stopped) {
      if (changed) {
        changed = false;
        await action();
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
