import type { Logger } from 'pino';
import { createRedactor, type Redactor } from './redact.ts';

/** Where log lines of a server go, and what takes secrets out of them. */
export interface ServerLogging {
  readonly log: Logger;
  readonly redactor: Redactor;
}

/** Lines of JSON on the standard error output; `worker` stands in each, unless it is null. */
export async function openLog(
  level: string,
  env: Readonly<Record<string, string | undefined>>,
  worker: number | null,
): Promise<ServerLogging> {
  const { pino } = await import('pino');
  const redactor = createRedactor(env);
  const base = worker === null ? null : { worker };
  const log = pino(
    { level, base, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: redactor.line } },
    pino.destination({ fd: 2, sync: true }),
  );
  return { log, redactor };
}
