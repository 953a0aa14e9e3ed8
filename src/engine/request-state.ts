import type { Json } from '../definition/types.ts';
import type { PrincipalView } from '../language/frame.ts';
import type { EngineRuntime } from './runtime.ts';
import type { Transaction } from './transaction.ts';

/** What records and blobs, as a request sees them, need to know of it. */
export interface RequestState {
  readonly engine: EngineRuntime;
  readonly principal: PrincipalView;
  readonly signal: AbortSignal;
  /** The open transaction's current attempt, or null. */
  readonly txn: Transaction | null;
  /** Milliseconds since the epoch. */
  now(): number;
  countIo(): void;
  spend(ms: number): void;
  checkCpu(): void;
  sealCursor(purpose: string, position: Json): string;
  openCursor(purpose: string, cursor: string): Json;
}
