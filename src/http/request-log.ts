import type { Served } from '../engine/exchange.ts';

/** A pino logger is one. */
export interface RequestLogger {
  isLevelEnabled(level: string): boolean;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/**
 * Writes a line for each request at level info, where that is asked for, and at level warn for one that took longer than `slowMs`, with its
 * route and the step that was waited for longest. Queries are left out: they may hold secrets. What failed inside is logged by the engine,
 * under the same request id.
 */
export function createRequestLog(log: RequestLogger, slowMs: number): (served: Served) => void {
  return (served) => {
    if (served.tookMs > slowMs) log.warn(fieldsOf(served), 'Slow request');
    else if (log.isLevelEnabled('info')) log.info(fieldsOf(served), 'Request');
  };
}

function fieldsOf({ request, routeId, user, status, code, step, tookMs }: Served): object {
  const mark = request.target.indexOf('?');
  return {
    request_id: request.requestId,
    method: request.method,
    path: mark === -1 ? request.target : request.target.slice(0, mark),
    route: routeId,
    status,
    ...(code === null ? {} : { code }),
    ...(step === null ? {} : { step }),
    ms: Math.round(tookMs * 100) / 100,
    user,
    ip: request.ip,
  };
}
