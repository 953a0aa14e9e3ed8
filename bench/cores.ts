import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';

/** Which core servers run on and which the load generator has for itself; null where they cannot be bound. */
export interface Cores {
  readonly server: number;
  readonly generator: number;
}

/** Binds this process to the second core and leaves the first to the servers; null without `taskset` or a second core. */
export function divideCores(): Cores | null {
  if (cpus().length < 2) return null;
  const cores = { server: 0, generator: 1 };
  const bound = spawnSync('taskset', ['-a', '-p', '-c', String(cores.generator), String(process.pid)]);
  return bound.status === 0 ? cores : null;
}

/** What goes before a server's command line to keep it on its core. */
export function onServerCore(cores: Cores | null): readonly string[] {
  return cores === null ? [] : ['taskset', '-c', String(cores.server)];
}

/**
 * Processor time that a process and those that it started have used so far, over all their threads, in microseconds; null where the system
 * does not say.
 */
export function processorTimeUs(pid: number): number | null {
  try {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
      for (const child of childrenOf(pid, thread)) nanoseconds += (processorTimeUs(child) ?? 0) * 1000;
    }
    return nanoseconds / 1000;
  } catch {
    return null;
  }
}

function childrenOf(pid: number, thread: string): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Processor, cores, memory system and versions, in one line each. */
export function describeMachine(cores: Cores | null): Readonly<Record<string, string>> {
  const [first] = cpus();
  return {
    machine: `${first?.model ?? 'unknown processor'}, ${cpus().length} cores, ${type()} ${release()}`,
    node: `${process.versions.node} (V8 ${process.versions.v8})`,
    cores: cores === null ? 'not bound' : `servers on ${cores.server}, load generator on ${cores.generator}`,
    date: new Date().toISOString(),
  };
}
