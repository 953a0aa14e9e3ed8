import { onTestFinished } from 'vitest';
import type { EngineRequest, EngineResponse } from '../../src/engine/exchange.ts';
import type { ServedRegistry } from '../../src/http/served-registry.ts';
import { type RunningServer, startServer } from '../../src/http/server.ts';
import type { MaybePromise } from '../../src/shared/maybe-promise.ts';

export interface LogLine {
  readonly level: 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export type Handle = (request: EngineRequest) => MaybePromise<EngineResponse>;

/** A response with defaults. */
export function respond(body: EngineResponse['body'], more: Partial<EngineResponse> = {}): EngineResponse {
  return { status: 200, headers: [], closeConnection: false, ...more, body };
}

/** Starts the server over a handler, for one test. */
export async function serve(
  handle: Handle,
  more: Partial<ServedRegistry> & { readonly baseUrl?: string } = {},
): Promise<RunningServer & { readonly log: readonly LogLine[] }> {
  const log: LogLine[] = [];
  const write = (level: LogLine['level']) => (fields: object, message: string) => {
    log.push({ level, fields: { ...fields }, message });
  };
  const server = await startServer({
    registry: {
      definition: more.definition ?? { raw: {} },
      identity: more.identity ?? { login: () => Promise.reject(new Error('No login here')) },
      health: more.health ?? (() => Promise.resolve({ ok: true, parts: {} })),
      handle,
    },
    host: '127.0.0.1',
    port: 0,
    baseUrl: more.baseUrl ?? null,
    version: '9.9.9',
    log: { warn: write('warn'), error: write('error') },
  });
  onTestFinished(() => server.close(0));
  return { ...server, log };
}
