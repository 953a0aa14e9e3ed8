import { createHash } from 'node:crypto';
import type { CollectionSpec, Commit } from '../../src/ports/record-store.ts';

/**
 * What servers of record stores write when they are going to be killed: a target is two records that are equal, an event, and one more
 * on a counter that many targets share; all in one commit.
 */
export const PAIRS: readonly CollectionSpec[] = [
  {
    name: 'left',
    indexes: [
      {
        name: 'left.counted',
        columns: ['counter', 'count'],
        arrays: ['halves'],
        keys: [
          { name: 'by_counter', fields: ['counter'], sort: [{ column: 'count', descending: false }], unique: false },
          { name: 'once', fields: ['counter', 'count'], sort: [], unique: true },
          { name: 'by_half', fields: ['halves'], sort: [], unique: false },
        ],
        revision: '1',
      },
    ],
  },
  { name: 'right', indexes: [] },
  { name: 'counters', indexes: [] },
];

export const COUNTER_NAMES: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f'];

/** What a client asks of a server. */
export interface PairRequest {
  readonly target: string;
  /** JSON text. */
  readonly value: string;
  readonly counter: string;
}

/** What the event of a target tells. */
export interface PairPayload {
  readonly digest: string;
  readonly counter: string;
  /** What the counter has come to. */
  readonly count: number;
}

/** The commit that writes a target after its counter was read: `count` null where the counter is absent. */
export function pairCommit(
  id: string,
  { target, value, counter }: PairRequest,
  read: { readonly version: number; readonly count: number } | null,
): Commit {
  const count = (read?.count ?? 0) + 1;
  const payload: PairPayload = { digest: digestOfText(value), counter, count };
  const halves = [`${target}-1`, `${target}-2`];
  const put = { key: target, value, expiresAt: null };
  return {
    id,
    checks: [
      { kind: 'record', collection: 'counters', key: counter, version: read?.version ?? null },
      { kind: 'record', collection: 'left', key: target, version: null },
    ],
    puts: [
      { ...put, collection: 'left', rows: { 'left.counted': { counter, count, halves } } },
      { ...put, collection: 'right', rows: {} },
      { collection: 'counters', key: counter, value: String(count), expiresAt: null, rows: {} },
    ],
    deletes: [],
    events: [{ id: target, type: 'written', at: new Date().toISOString(), payload: JSON.stringify(payload) }],
  };
}

/** As ledgers have it. */
export function digestOfText(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
