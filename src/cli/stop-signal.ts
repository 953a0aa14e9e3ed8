import type { CommandContext } from './command.ts';

/** Resolves on the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopSignal({ print }: CommandContext): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
      asked = true;
      print('Stopping: requests under way are finished first');
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}
