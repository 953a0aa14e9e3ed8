import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names this process in file names as `<scope>-<pid>-<start>`, so that what a killed process left is recognised later.
 * The scope says where process numbers can be compared: host, boot and process namespace, so that two
 * containers on one folder do not take each other for dead.
 */
export const ownProcess = `${scope()}-${process.pid}-${startOf('self') ?? '0'}`;

/** Matches a process name, without anchors or groups. */
export const PROCESS_PATTERN = '[0-9a-f]{16}-\\d+-\\d+';

/** Whether the process is certainly gone. One that cannot be looked at (another host) counts as alive. */
export function isGone(name: string): boolean {
  const [where, pid, start] = name.split('-');
  if (name === ownProcess || where !== scope() || pid === undefined) return false;
  const running = startOf(pid);
  if (running !== null) return running !== start;
  // Not there, or not ours to look at: only the first gives ESRCH.
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function scope(): string {
  const parts = [hostname(), readOr(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())];
  parts.push(readOr(() => readlinkSync('/proc/self/ns/pid')));
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

/** When a process began, in the kernel's ticks; `zombie` for a dead one; null when the system does not say. */
function startOf(pid: string): string | null {
  const stat = readOr(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The second field is the program's name in parentheses and may contain anything; state is the third field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'zombie' : (fields[19] ?? null);
}

function readOr(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
