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

export interface FakeRegistry {
  readonly definition?: Partial<ServedRegistry['definition']>;
  readonly identity?: Partial<ServedRegistry['identity']>;
  readonly health?: ServedRegistry['health'];
  readonly baseUrl?: string;
  readonly trustedProxies?: readonly string[];
}

const refuse = () => Promise.reject(new Error('Nobody is known here'));
const NO_IDENTITY: ServedRegistry['identity'] = {
  identify: () => null,
  login: refuse,
  changePassword: refuse,
  createUser: refuse,
  getUser: refuse,
  listUsers: refuse,
  updateUser: refuse,
  createToken: refuse,
  getToken: refuse,
  listTokens: refuse,
  revokeToken: refuse,
};

/** Starts the server over a handler, for one test. */
export async function serve(
  handle: Handle,
  more: FakeRegistry = {},
): Promise<RunningServer & { readonly log: readonly LogLine[] }> {
  const log: LogLine[] = [];
  const write = (level: LogLine['level']) => (fields: object, message: string) => {
    log.push({ level, fields: { ...fields }, message });
  };
  const server = await startServer({
    registry: {
      definition: { raw: {}, http: { cors: null }, ...more.definition },
      identity: { ...NO_IDENTITY, ...more.identity },
      health: more.health ?? (() => Promise.resolve({ ok: true, parts: {} })),
      handle,
    },
    host: '127.0.0.1',
    port: 0,
    baseUrl: more.baseUrl ?? null,
    trustedProxies: more.trustedProxies ?? [],
    version: '9.9.9',
    log: { warn: write('warn'), error: write('error') },
  });
  onTestFinished(() => server.close(0));
  return { ...server, log };
}
