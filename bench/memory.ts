import { readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of a process in MiB; null where the system does not say. */
export function residentMib(pid: number): number | null {
  return mibOf(pid, 'VmRSS');
}

/** The most that was resident since `forgetPeak`, in MiB; null where the system does not say. */
export function peakMib(pid: number): number | null {
  return mibOf(pid, 'VmHWM');
}

/** Begins to watch for the peak anew; false where the system cannot. */
export function forgetPeak(pid: number): boolean {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

function mibOf(pid: number, field: string): number | null {
  try {
    const [, kilobytes] =
      new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}
