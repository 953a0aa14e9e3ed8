import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { findProgram, SERVICES_REQUIRED } from '../support/programs.ts';
import { runProgram } from '../support/run-program.ts';

/**
 * Skips the test, with the reason printed, where this machine cannot trace programs as they start (`start`) or while they run (`attach`);
 * fails where services are required.
 */
export async function requireTracing({ skip }: Pick<TestContext, 'skip'>, how: 'start' | 'attach'): Promise<void> {
  const reason = (await whyNoTracing()) ?? (how === 'attach' ? whyNoAttaching() : null);
  if (reason === null) return;
  if (SERVICES_REQUIRED) throw new Error(reason);
  console.warn(`Skipped: ${reason}`);
  skip(reason);
}

async function whyNoTracing(): Promise<string | null> {
  if (findProgram('strace') === null) return 'strace is not installed';
  const { code, stderr } = await runProgram('strace', ['--seccomp-bpf', '-f', '-o', '/dev/null', 'true']);
  return code === 0 ? null : `strace does not work here: ${stderr.trim()}`;
}

function whyNoAttaching(): string | null {
  if (process.getuid?.() === 0) return null;
  try {
    const scope = readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'utf8').trim();
    return scope === '0' ? null : 'this system lets nobody but root trace a running program';
  } catch {
    return null;
  }
}
