import { RegistryError, toRegistryError } from '../../errors/registry-error.ts';
import type { SqliteWriter, TimedCommit } from './sqlite-writer.ts';

/** What the writer thread is started with. */
export interface WriterThreadData {
  readonly file: string;
  readonly busyTimeoutMs: number;
}

/** A call of the writer, and the number its reply carries. */
export type WriterRequest = { readonly id: number } & WriterCall;

export type WriterCall =
  | CommitCall
  | { readonly method: 'sweepExpired'; readonly args: Parameters<SqliteWriter['sweepExpired']> }
  | { readonly method: 'migrateNext'; readonly args: Parameters<SqliteWriter['migrateNext']> }
  | { readonly method: 'migrateWrite'; readonly args: Parameters<SqliteWriter['migrateWrite']> }
  | { readonly method: 'reload'; readonly args: Parameters<SqliteWriter['reload']> }
  | { readonly method: 'close'; readonly args: readonly [] };

interface CommitCall {
  readonly method: 'commit';
  readonly args: readonly [TimedCommit];
}

export type CommitRequest = { readonly id: number } & CommitCall;

export type WriterReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PackedError };

/** Replies that came at once, and why no more is written, where that is so. */
export interface WriterReplies {
  readonly replies: readonly WriterReply[];
  readonly broken: PackedError | null;
}

/** A RegistryError in a form that crosses threads: class and prototype do not. */
export interface PackedError {
  readonly code: string;
  readonly message: string;
  readonly details: unknown;
  readonly cause: string | null;
}

export function packError(thrown: unknown): PackedError {
  const { code, message, details, cause } = toRegistryError(thrown, 'STORE_FAILURE');
  return { code, message, details, cause: cause instanceof Error ? `${cause.name}: ${cause.message}` : null };
}

export function unpackError({ code, message, details, cause }: PackedError): RegistryError {
  return new RegistryError(code, { message, details, cause: cause === null ? undefined : new Error(cause) });
}
