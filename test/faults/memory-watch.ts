import { readFileSync } from 'node:fs';

const SAMPLE_MS = 20;

/** Resident memory of a process, in bytes: `current` now, `peak` since it began. */
export function memoryOf(pid: number): { readonly current: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { current: field('VmRSS'), peak: field('VmHWM') };
}

/** Watches the resident memory of a process; `stop` gives the most it had meanwhile. */
export function watchMemory(pid: number): { stop(): number } {
  const before = memoryOf(pid);
  let most = before.current;
  const sample = () => {
    most = Math.max(most, memoryOf(pid).current);
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      sample();
      // The kernel's own peak misses nothing between the samples; it counts when it grew while we watched.
      const { peak } = memoryOf(pid);
      return peak > before.peak ? peak : most;
    },
  };
}
