import { RegistryError } from '../../errors/registry-error.ts';

/** SQLSTATE codes that say something (postgresql.org, appendix A): the disk is full; another transaction was in the way, or had too many locks. */
const FULL = '53100';
const TRANSIENT = new Set(['40001', '40P01', '55P03', '53200']);

/** The SQLSTATE of an error that the server answered with; empty for anything else, a cut connection among them. */
export function sqlState(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return /^[0-9A-Z]{5}$/.test(code) && thrown instanceof Error && 'severity' in thrown ? code : '';
}

/** No connection was to be had: nothing was asked of the server, and asking again at once is of no use. */
export class ConnectFailure extends Error {}

/** What the client says of a connection that is gone, where no error of the operating system does. */
const GONE =
  /^(Connection terminated|Connection ended|Client has encountered a connection error|Client was closed|Query read timeout|timeout e)/;

/** The connection broke, or the server ended it: nobody answered the statement. */
export function isDisconnection(thrown: unknown): boolean {
  const state = sqlState(thrown);
  // 57P01 to 57P03: the server shuts down or starts; 08: connection exceptions; 25P03: idle for too long inside a transaction.
  if (state !== '') return /^(08|57P0|25P03)/.test(state);
  if (thrown instanceof ConnectFailure) return true;
  if (!(thrown instanceof Error)) return false;
  return ('syscall' in thrown && 'errno' in thrown) || GONE.test(thrown.message);
}

/** Another transaction was in the way: the same may succeed when it is done again from its beginning. */
export function isTransient(thrown: unknown): boolean {
  return TRANSIENT.has(sqlState(thrown instanceof RegistryError ? thrown.cause : thrown));
}

/** What a failed statement means. Its transaction is undone, or about to be. */
export function toPgStoreError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  if (sqlState(thrown) === FULL) return new RegistryError('STORE_FULL', { cause: thrown });
  if (isDisconnection(thrown)) return new RegistryError('STORE_UNREACHABLE', { cause: thrown });
  return new RegistryError('STORE_FAILURE', { cause: thrown });
}
