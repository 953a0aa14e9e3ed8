/** A moment and what this thread had computed by then. */
export interface CpuMark {
  /** As `performance.now()` says. */
  readonly at: number;
  readonly cpuMs: number;
}

/** So old a mark may be: looking at the thread's time is a call of the system, which most requests do without. */
const MARK_MS = 10;

let latest: CpuMark = { at: Number.NEGATIVE_INFINITY, cpuMs: 0 };

/** A mark from now or up to 10 ms before. */
export function cpuMark(now: number): CpuMark {
  if (now - latest.at > MARK_MS) latest = { at: now, cpuMs: threadCpuMs() };
  return latest;
}

/** What this thread computed since a mark, in milliseconds: what it waited for a processor while others had it does not count. */
export function cpuMsSince(mark: CpuMark): number {
  return threadCpuMs() - mark.cpuMs;
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
