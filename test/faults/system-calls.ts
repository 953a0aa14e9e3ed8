/** One system call of a trace. */
export interface SystemCall {
  /** The thread that made it; the main one has the number of its process. */
  readonly thread: number;
  readonly name: string;
  /** What the descriptor in its first argument stands for: a path, or `socket:[…]`; null without one. */
  readonly path: string | null;
  /** Its texts, in order; those of vectors too. Cut where strace cuts them. */
  readonly texts: readonly Buffer[];
  /** All that stands between its parentheses, as it stands there. */
  readonly args: string;
  /** What it returned; negative when it failed. */
  readonly result: number;
  /** Lines of the trace at which it began and ended: one that began after another ended certainly came later. */
  readonly began: number;
  readonly ended: number;
}

/** What `strace` is to be told so that its output can be read here: all threads, what descriptors stand for, every text in hex. */
export const STRACE_OPTIONS = ['-f', '-y', '-xx', '-s', '5000'];

const CALL = /^(\d+) +(\w+)\((.*)$/;
const WHOLE = /^(.*)\) += (-?\d+)/;
const UNFINISHED = / <unfinished \.\.\.>$/;
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/;
const DESCRIPTOR = /^\d+<((?:\\x[0-9a-f]{2})*)>/;
const TEXT = /"((?:\\x[0-9a-f]{2})*)"/g;

/** Reads the output of `strace` with `STRACE_OPTIONS`. A call that never ended is left out. Fails on a line that it does not know. */
export function parseTrace(trace: string): readonly SystemCall[] {
  const calls: SystemCall[] = [];
  const unfinished = new Map<string, { readonly args: string; readonly began: number }>();
  for (const [at, line] of trace.split('\n').entries()) {
    if (line === '' || / (---|\+\+\+) /.test(line)) continue;
    const resumed = RESUMED.exec(line);
    const [, pid = '', name = '', rest = ''] = resumed ?? CALL.exec(line) ?? [];
    if (name === '') throw new Error(`Line ${at + 1} of the trace is not understood: ${line.slice(0, 200)}`);
    if (UNFINISHED.test(rest)) {
      unfinished.set(pid, { args: rest.replace(UNFINISHED, ''), began: at });
      continue;
    }
    const start = resumed === null ? { args: '', began: at } : unfinished.get(pid);
    const [, end = '', result] = WHOLE.exec(rest) ?? [];
    // A process that ended in the middle of it: `= ?`
    if (start === undefined || result === undefined) continue;
    const args = start.args + end;
    const descriptor = DESCRIPTOR.exec(args)?.[1];
    calls.push({
      thread: Number(pid),
      name,
      path: descriptor === undefined ? null : decode(descriptor).toString(),
      texts: [...args.matchAll(TEXT)].map((match) => decode(match[1] ?? '')),
      args,
      result: Number(result),
      began: start.began,
      ended: at,
    });
  }
  return calls;
}

function decode(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex');
}
