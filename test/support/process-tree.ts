import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Processes that a process has started; none where the system does not tell. */
export function childrenOf(pid: number): readonly number[] {
  return processes().filter((other) => statusOf(other)?.parent === pid);
}

/** Kills a process with SIGKILL and waits until it does nothing any more, whether or not its parent has heard of it. */
export async function endProcess(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
  while (!['Z', 'X', undefined].includes(statusOf(pid)?.state)) await sleep(1);
}

function processes(): readonly number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

function statusOf(pid: number): { readonly state: string; readonly parent: number } | null {
  try {
    // The name before it may contain anything.
    const [state = '', parent] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}
