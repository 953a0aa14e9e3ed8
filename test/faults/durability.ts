import { dirname } from 'node:path';
import type { SystemCall } from './system-calls.ts';

/** Where the traced server keeps its data. Absolute paths. */
export interface DurabilityOptions {
  /** The topmost folder that the server made. */
  readonly data: string;
  /** Of the record store's database; its log lies beside it. */
  readonly database: string;
}

export interface DurabilityReport {
  /** Hex digest of each publish that was answered with 201, in order. */
  readonly acknowledged: readonly string[];
  /** What an answer was given too early for; empty when every answer was durable. */
  readonly violations: readonly string[];
}

/** The calls that are looked at. */
export const TRACED_CALLS = [
  'openat',
  'mkdir',
  'write',
  'writev',
  'pwrite64',
  'sendto',
  'sendmsg',
  'rename',
  'fsync',
  'fdatasync',
];

const WRITES = new Set(['write', 'writev', 'pwrite64']);
const SENDS = new Set(['write', 'writev', 'sendto', 'sendmsg']);
const SYNCS = new Set(['fsync', 'fdatasync']);
const FRAME_HEADER_BYTES = 24;

/**
 * Judges a server's system calls, from its start on an empty data folder: before each 201 of a publish
 * - the blob's bytes were written, the file made durable, moved to its place, and the folder made durable;
 * - the record was written to the database's log up to the end of its transaction, which came when the blob was durable, and the log made durable;
 * - every folder that was made on the way, and the log's own name, were made durable in the folder above.
 * "Before" is strict: a call counts only when it ended before the next one of the chain began.
 */
export function judgeDurability(calls: readonly SystemCall[], options: DurabilityOptions): DurabilityReport {
  const log = `${options.database}-wal`;
  const answers = calls.filter((call) => SENDS.has(call.name) && call.path?.startsWith('socket:') && isCreated(call));
  const acknowledged: string[] = [];
  const violations: string[] = [];
  for (const answer of answers) {
    const { hex, size } = readAnswer(answer);
    acknowledged.push(hex);
    const before = calls.filter((call) => call.ended < answer.began && call.result >= 0);
    const complain = (what: string) => violations.push(`${hex.slice(0, 8)}: ${what}`);
    const blob = judgeBlob(before, hex, size, complain);
    judgeLog(before, log, hex, blob?.durableAt ?? 0, complain);
    judgeNames(before, options.data, [log, blob?.place ?? log], complain);
  }
  return { acknowledged, violations };
}

type Complain = (what: string) => void;

/** Returns where the blob lies, and when that was durable. */
function judgeBlob(
  before: readonly SystemCall[],
  hex: string,
  size: number,
  complain: Complain,
): { readonly place: string; readonly durableAt: number } | null {
  const move = before.findLast((call) => call.name === 'rename' && call.texts[1]?.toString().endsWith(`/${hex}`));
  const [from = '', to = ''] = move?.texts.map((text) => text.toString()) ?? [];
  if (move === undefined) {
    complain('the blob was not moved to its place');
    return null;
  }
  const written = before.filter((call) => WRITES.has(call.name) && call.path === from);
  const bytes = written.reduce((sum, call) => sum + call.result, 0);
  if (bytes !== size) complain(`${bytes} bytes of the blob were written, of ${size}`);
  const content = Math.max(...written.map((call) => call.ended));
  if (syncsOf(before, from, content, move.began).length === 0) {
    complain('the blob was not synced between its last write and its move');
  }
  const [sync] = syncsOf(before, dirname(to), move.ended);
  if (sync === undefined) complain('the folder of the blob was not synced after the move');
  return { place: to, durableAt: sync?.ended ?? 0 };
}

function judgeLog(
  before: readonly SystemCall[],
  log: string,
  hex: string,
  blobDurableAt: number,
  complain: Complain,
): void {
  const written = before.filter((call) => WRITES.has(call.name) && call.path === log);
  const record = written.findIndex((call) => call.texts[0]?.includes(hex));
  if (record === -1) {
    complain('the record was not written to the log');
    return;
  }
  // A frame's header comes before its page; that of a transaction's last frame says how large the database is now.
  const last = written.findIndex((call, at) => at >= record - 1 && isCommitFrame(call));
  const [header, page] = last === -1 ? [] : written.slice(last);
  if (header === undefined || page === undefined) {
    complain('the transaction was not written to its end');
    return;
  }
  if (header.began < blobDurableAt) complain('the transaction was written to its end before the blob was durable');
  if (syncsOf(before, log, page.ended).length === 0) complain('the log was not synced after the transaction');
}

/** Judges the names of the folders above `places`, and those of the places that were made where they are. */
function judgeNames(before: readonly SystemCall[], data: string, places: readonly string[], complain: Complain): void {
  for (const call of before) {
    const path = call.texts[0]?.toString() ?? '';
    if (path !== data && !path.startsWith(`${data}/`)) continue;
    const made =
      call.name === 'mkdir'
        ? places.some((place) => place.startsWith(`${path}/`))
        : call.name === 'openat' && call.args.includes('O_CREAT') && places.includes(path);
    if (made && syncsOf(before, dirname(path), call.ended).length === 0) {
      complain(`${dirname(path)} was not synced after ${path} was made`);
    }
  }
}

function syncsOf(calls: readonly SystemCall[], path: string, after: number, before = Infinity): readonly SystemCall[] {
  return calls.filter(
    (call) => SYNCS.has(call.name) && call.path === path && call.began > after && call.ended < before,
  );
}

function isCommitFrame({ texts: [bytes] }: SystemCall): boolean {
  return bytes?.length === FRAME_HEADER_BYTES && bytes.readUInt32BE(4) !== 0;
}

function isCreated({ texts }: SystemCall): boolean {
  return texts[0]?.toString('latin1').startsWith('HTTP/1.1 201 ') === true;
}

/** Head and body of an answer leave in one call; one that does not says so here. */
function readAnswer({ texts }: SystemCall): { readonly hex: string; readonly size: number } {
  const text = Buffer.concat(texts).toString('latin1');
  const [, hex, size] = /"digest":"sha256:([0-9a-f]{64})","size":(\d+)/.exec(text) ?? [];
  if (hex === undefined) throw new Error(`An answer says 201 and no digest: ${text}`);
  return { hex, size: Number(size) };
}
