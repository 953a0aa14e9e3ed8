import type { DurabilityReport } from './durability.ts';
import type { SystemCall } from './system-calls.ts';

/** What `strace` is told for a PostgreSQL server, beside `STRACE_OPTIONS`: pages of the log are seen whole. */
export const POSTGRES_TRACE_OPTIONS: readonly string[] = [
  ...['-s', '300000'],
  ...['-e', 'trace=recvfrom,sendto,write,pwrite64,pwritev,fsync,fdatasync'],
];

const WRITES = new Set(['write', 'pwrite64', 'pwritev']);
const SYNCS = new Set(['fsync', 'fdatasync']);
/** What the server answers when a transaction has ended. */
const COMMITTED = 'C\0\0\0\x0bCOMMIT\0';
const ROLLED_BACK = 'C\0\0\0\x0dROLLBACK\0';
const LOG = /\/pg_wal\/[0-9A-F]{24}$/;

/**
 * Judges a PostgreSQL server's system calls: between the COMMIT of a client and its answer, the server's log was written and after that
 * made durable; what the client had sent before was in the log by then. `marker`, with the flag `g`, finds what is looked for in what
 * clients send; commits of anything else are left out. "After" is strict: a call counts only when it began after the other ended.
 */
export function judgePostgresDurability(calls: readonly SystemCall[], marker: RegExp): DurabilityReport {
  const log = calls.filter(({ path, result }) => LOG.test(path ?? '') && result >= 0);
  const writes = log.filter(({ name }) => WRITES.has(name));
  const syncs = log.filter(({ name }) => SYNCS.has(name));
  const acknowledged: string[] = [];
  const violations: string[] = [];
  /** Of each process of the server, which has one client. */
  const clients = new Map<number, { asked: SystemCall; markers: Set<string> }>();

  for (const call of calls.toSorted((one, other) => one.ended - other.ended)) {
    const text = call.texts[0]?.toString('latin1') ?? '';
    if (call.name === 'recvfrom' && call.result > 0) {
      const markers = clients.get(call.thread)?.markers ?? new Set();
      for (const found of text.match(marker) ?? []) markers.add(found);
      clients.set(call.thread, { asked: call, markers });
    }
    const isCommitted = call.name === 'sendto' && text.includes(COMMITTED);
    const client = clients.get(call.thread);
    if (isCommitted || (call.name === 'sendto' && text.includes(ROLLED_BACK))) clients.delete(call.thread);
    if (!isCommitted || client === undefined) continue;
    for (const found of client.markers) {
      acknowledged.push(found);
      const fault = judgeCommit(found, client.asked, call);
      if (fault !== null) violations.push(`${found}: ${fault}`);
    }
  }

  function judgeCommit(found: string, asked: SystemCall, answer: SystemCall): string | null {
    const before = (call: SystemCall) => call.ended < answer.began;
    const content = writes.find((call) => before(call) && call.texts.some((text) => text.includes(found)));
    if (content === undefined) return 'it was not written to the log';
    // The end of the transaction is written after the client has asked for it.
    const after = writes.filter((call) => before(call) && call.began > asked.ended && call.ended >= content.ended);
    // Or another process has written it together with its own.
    const end = after.findLast(({ thread }) => thread === answer.thread) ?? after[0];
    if (end === undefined) return 'the log was not written after the COMMIT';
    const synced = syncs.some((call) => before(call) && call.began > end.ended && call.path === end.path);
    return synced ? null : 'the log was not synced between its last write and the answer';
  }

  return { acknowledged, violations };
}
