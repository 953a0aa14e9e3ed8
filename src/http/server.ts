import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineResponse, Served } from '../engine/exchange.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { openClientAddress } from './client-address.ts';
import { isPreflight, openCors } from './cors.ts';
import type { Inside } from './inside-routes.ts';
import { type HandedConnections, listenOn, listenToHanded } from './listening.ts';
import { refuseMalformed, refuseTunnel } from './malformed.ts';
import { perDefinition } from './per-definition.ts';
import { problemResponse, type ServerLog } from './problem.ts';
import { HttpRequest, type ServerAddress } from './request.ts';
import { createRequestIds, saneRequestId } from './request-id.ts';
import { sendResponse } from './response.ts';
import type { ServedRegistry } from './served-registry.ts';
import { problemPage, systemRoutes } from './system-routes.ts';

export interface ServerOptions {
  readonly registry: ServedRegistry;
  readonly host: string;
  /** 0 takes one that is free. */
  readonly port: number;
  /** Connections come from there, and nothing is listened on. */
  readonly handed?: HandedConnections | null;
  /** As clients reach this server, without a trailing slash; null: what each request's Host says. */
  readonly baseUrl: string | null;
  /** Addresses and networks (CIDR) of proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[];
  /** Of this program, for `/health`. */
  readonly version: string;
  readonly log: ServerLog;
  /** Null or absent: what is inside is not shown. */
  readonly inside?: Inside | null;
  /** Told of every request to the routes that every registry has; the registry tells of its own. Must not throw. */
  readonly onServed?: (served: Served) => void;
}

const UNDER_WAY = Symbol('response under way');

/**
 * The last response of the connection that did not go out at once; it may be finished by now. Others are not kept: with hundreds of
 * connections, what each holds of its last request would survive every collection of garbage.
 */
interface Connection extends Duplex {
  [UNDER_WAY]?: ServerResponse;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, lets requests under way finish for up to `graceMs` (10 s), then ends them. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

// An import of this module would also load what it offers beside HTTP: a client for web sockets and all that belongs to it.
const { createServer } = process.getBuiltinModule('node:http');

const MAX_HEADER_BYTES = 32 * 1024;
const HEADERS_TIMEOUT_MS = 20_000;
/** Without a byte either way. There is no bound on a whole request: a large upload on a slow line takes its time. */
const IDLE_TIMEOUT_MS = 120_000;
const KEEP_ALIVE_MS = 30_000;
const GRACE_MS = 10_000;
const IDLE_SWEEP_MS = 50;
/** How long kept connections stay open for their next request, whose answer then ends them, when the server closes. */
const LAST_REQUESTS_MS = 200;
/** What figures and logs call the routes that every registry has. */
const SYSTEM_ROUTE = '$system';

/**
 * Serves a registry over HTTP/1.1. The few routes that every registry has run on Hono; all others go from the connection straight to
 * the engine and back, because Hono answers HEAD by running GET and dropping what it says, and because the way through web-standard
 * requests and responses costs more than most pipelines. Rejects with the system's error when the address cannot be had.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { registry, log } = options;
  const cors = perDefinition(registry, ({ http }) => (http.cors === null ? null : openCors(http.cors)));
  const clientAddress = openClientAddress(options.trustedProxies ?? []);
  const system = systemRoutes({ ...options, clientAddress, inside: options.inside ?? null, cors });
  for (const { id, paths } of options.inside?.routes() ?? []) {
    for (const path of paths.filter(system.takes))
      log.warn({ route: id, path }, 'This route is never reached: every registry has one of its own at its path');
  }
  /** Loaded with the first request to such a route: it brings the web-standard classes of Node, which nothing else here needs. */
  let onSystemRequest: Promise<RequestListener> | null = null;
  const openSystem = async (): Promise<RequestListener> => {
    const { getRequestListener } = await import('@hono/node-server');
    return getRequestListener(system.app.fetch, {
      overrideGlobalObjects: false,
      errorHandler: (cause) => problemPage(new RegistryError('BAD_REQUEST', { cause }), log),
    });
  };
  const nextRequestId = createRequestIds();
  let address: ServerAddress = { baseUrl: options.baseUrl, url: '', clientAddress, nextRequestId };
  let closing: Promise<void> | null = null;

  const handle: ServedRegistry['handle'] = (request) => registry.handle(request);

  function onRequest(incoming: IncomingMessage, outgoing: ServerResponse, expectsContinue: boolean): void {
    const sharing = cors();
    if (sharing !== null && isPreflight(incoming)) {
      const { origin } = incoming.headers;
      answer(incoming, outgoing, false, () => emptyResponse(sharing.preflight(origin)));
    } else if (system.takes(incoming.url ?? '/')) {
      if (expectsContinue) outgoing.writeContinue();
      answerSystem(incoming, outgoing);
    } else {
      answer(incoming, outgoing, expectsContinue, handle, sharing?.headersFor(incoming.headers.origin));
    }
    if (!outgoing.writableEnded || outgoing.writableLength > 0) attend(incoming.socket, outgoing);
  }

  /** An answer that takes its time; what went out at once has left nothing to wait for, and a timer for each such request costs. */
  function attend(connection: Connection & Socket, outgoing: ServerResponse): void {
    connection[UNDER_WAY] = outgoing;
    connection.setTimeout(IDLE_TIMEOUT_MS);
  }

  function answerSystem(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const startedAt = performance.now();
    const [given] = incoming.headersDistinct['x-request-id'] ?? [];
    const requestId = saneRequestId(given) ?? nextRequestId();
    outgoing.setHeader('X-Request-Id', requestId);
    outgoing.once('finish', () =>
      options.onServed?.({
        request: {
          method: incoming.method ?? 'GET',
          target: incoming.url ?? '/',
          ip: clientAddress(incoming),
          requestId,
        },
        routeId: SYSTEM_ROUTE,
        user: null,
        status: outgoing.statusCode,
        code: null,
        step: null,
        tookMs: performance.now() - startedAt,
      }),
    );
    onSystemRequest ??= openSystem();
    void onSystemRequest.then(
      (listener) => listener(incoming, outgoing),
      (cause: unknown) => {
        onSystemRequest = null;
        answer(incoming, outgoing, false, () => {
          throw cause;
        });
      },
    );
  }

  function answer(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    expectsContinue: boolean,
    handle: ServedRegistry['handle'],
    more: EngineResponse['headers'] = NO_HEADERS,
  ): void {
    let request: HttpRequest | null = null;
    const send = (response: EngineResponse) => {
      const exchange = { incoming, outgoing, request, closing: closing !== null, onBroken: refuse };
      const whole = more.length === 0 ? response : { ...response, headers: [...response.headers, ...more] };
      sendResponse(exchange, whole);
    };
    const refuse = (thrown: unknown) => {
      try {
        if (outgoing.headersSent) throw thrown;
        send(problemResponse(thrown, log, request?.requestId));
      } catch (cause) {
        // Bytes are out already, or not even the refusal can be sent: only the end of the connection still says so.
        log.error(
          { err: cause, request_id: request?.requestId, method: incoming.method, path: incoming.url?.split('?', 1)[0] },
          'A response broke off',
        );
        outgoing.destroy();
      }
    };
    try {
      request = new HttpRequest(incoming, outgoing, address, expectsContinue);
      const response = handle(request);
      if (response instanceof Promise) response.then(send).catch(refuse);
      else send(response);
    } catch (thrown) {
      refuse(thrown);
    }
  }

  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: 5_000,
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Checked by HttpRequest, whose refusal has a body.
    requireHostHeader: false,
    // A request without a body has nothing to be read: Node need not make a stream of it and end that.
    optimizeEmptyRequests: true,
  });
  // Not `server.timeout`, which would be set anew for each request.
  server.on('connection', (socket) => socket.setTimeout(IDLE_TIMEOUT_MS));
  server.on('request', (incoming, outgoing) => onRequest(incoming, outgoing, false));
  server.on('checkContinue', (incoming, outgoing) => onRequest(incoming, outgoing, true));
  server.on('connect', (_incoming, socket) => refuseTunnel(socket, log));
  server.on('clientError', (error, socket: Connection) => {
    const response = socket[UNDER_WAY];
    refuseMalformed(error, socket, response?.headersSent === true && !response.writableFinished, log);
  });

  const handed = options.handed ?? null;
  const listening =
    handed === null ? await listenOn(server, options.host, options.port) : listenToHanded(server, handed);
  const { url, port } = listening;
  address = { baseUrl: options.baseUrl, url, clientAddress, nextRequestId };

  async function closeAll(graceMs: number): Promise<void> {
    // A request may be on its way on a connection that looks idle: closing that would fail it.
    await sleep(Math.min(LAST_REQUESTS_MS, graceMs));
    // A connection whose request was under way falls idle later, and would be kept for its next one.
    const sweep = setInterval(() => server.closeIdleConnections(), IDLE_SWEEP_MS);
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await listening.close();
    clearInterval(sweep);
    clearTimeout(timer);
  }

  return {
    url,
    port,
    close(graceMs = GRACE_MS) {
      closing ??= closeAll(graceMs);
      return closing;
    },
  };
}

const NO_HEADERS: EngineResponse['headers'] = Object.freeze([]);

function emptyResponse(headers: EngineResponse['headers']): EngineResponse {
  return { status: 204, headers, body: null, closeConnection: false };
}
