import { RegistryError, toRegistryError } from '../errors/registry-error.ts';
import type { PrincipalView } from '../language/frame.ts';
import { splitTarget, type Target } from '../language/path-pattern.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { Plan, RoutePlan } from './compile.ts';
import type { ResponseDraft, Run, SessionIdentity, Signal } from './contract.ts';
import type { ErrorTable } from './error-tables.ts';
import type { Authenticate, EngineRequest, EngineResponse, Served } from './exchange.ts';
import { finish } from './http-semantics.ts';
import { NOBODY } from './record-frame.ts';
import { RequestBody } from './request-body.ts';
import { LazyRequestView } from './request-view.ts';
import type { EngineRuntime } from './runtime.ts';
import { RequestSession } from './session.ts';

/** Answers requests by running a plan. */
export interface Engine {
  readonly plan: Plan;
  /** Never fails: every error becomes a response. */
  handle(request: EngineRequest): MaybePromise<EngineResponse>;
}

export interface EngineOptions {
  readonly plan: Plan;
  readonly runtime: EngineRuntime;
  readonly authenticate: Authenticate;
  readonly identity: SessionIdentity;
  /** Declared variables with their values. */
  readonly env: Readonly<Record<string, string | null>>;
  /** Told of every request; must not throw. */
  readonly onServed?: ((served: Served) => void) | undefined;
}

/** What one request has on its way through the stages. */
interface Exchange {
  readonly request: EngineRequest;
  readonly body: RequestBody;
  /** Null until it was taken apart, and where it cannot be. */
  target: Target | null;
  routePlan: RoutePlan | null;
  session: RequestSession;
  view: LazyRequestView | null;
  /** What is answered, where it is an error. */
  error: RegistryError | null;
  /** As `performance.now()` says. */
  readonly startedAt: number;
}

/** Values of path parameters beside their names. */
interface PathValues {
  readonly names: readonly string[];
  readonly values: readonly string[];
}

export function createEngine(options: EngineOptions): Engine {
  const { plan, runtime, authenticate, identity, env, onServed } = options;
  const { limits } = plan.definition.ops;
  const anonymous: PrincipalView = Object.freeze({ ...NOBODY, scopes: plan.definition.auth.anonymousScopes });

  function start(request: EngineRequest): Exchange {
    const startedAt = performance.now();
    return {
      request,
      body: new RequestBody(request, limits.maxRequestBodyBytes),
      target: null,
      routePlan: null,
      session: new RequestSession(runtime, identity, request, anonymous, startedAt),
      view: null,
      error: null,
      startedAt,
    };
  }

  /** Finds the route and lets the principal in; then runs. */
  function begin(exchange: Exchange): MaybePromise<EngineResponse> {
    const { request } = exchange;
    const target = splitTarget(request.target);
    exchange.target = target;
    const match = plan.router.match(request.method, target.segments, target.trailingSlash);
    if (!match.found) {
      if (match.allow.length === 0) throw new RegistryError('ROUTE_NOT_FOUND');
      throw new RegistryError('METHOD_NOT_ALLOWED', { headers: { Allow: match.allow.join(', ') } });
    }
    exchange.routePlan = match.value;
    const principal = authenticateRequest(request);
    if (principal instanceof Promise) {
      return principal.then((known) => admitted(exchange, match.value, match, known ?? anonymous));
    }
    return admitted(exchange, match.value, match, principal ?? anonymous);
  }

  function authenticateRequest(request: EngineRequest): MaybePromise<PrincipalView | null> {
    let values: string[] | null = null;
    const { headers } = request;
    // By place: a loop over pairs makes an object for each.
    for (let at = 0; at < headers.length; at++) {
      const header = headers[at]!;
      if (header[0] !== 'authorization') continue;
      values ??= [];
      values.push(header[1]);
    }
    return values === null ? null : authenticate(values, request.ip);
  }

  function admitted(
    exchange: Exchange,
    routePlan: RoutePlan,
    params: PathValues,
    principal: PrincipalView,
  ): MaybePromise<EngineResponse> {
    const { request } = exchange;
    routePlan.judge?.(principal);
    const declared = request.contentLength;
    if (declared !== null && declared > limits.maxRequestBodyBytes) {
      throw new RegistryError('BODY_TOO_LARGE', { details: { limit: limits.maxRequestBodyBytes } });
    }
    if (principal !== anonymous)
      exchange.session = new RequestSession(runtime, identity, request, principal, performance.now());
    const { caching } = routePlan;
    const { responses } = runtime;
    const signal =
      caching === null || responses === null || request.body !== null || !isRead(request.method)
        ? work(exchange, routePlan, params, principal)
        : responses.answer(caching, request, principal, exchange.session, () =>
            work(exchange, routePlan, params, principal),
          );
    if (signal instanceof Promise) return signal.then((late) => whenPlaced(exchange, late));
    return respond(exchange, signal);
  }

  /** Responds when all that was put is durable: a pipeline may end without a commit, which waits for that. */
  function whenPlaced(exchange: Exchange, signal: Signal): MaybePromise<EngineResponse> {
    const placed = exchange.session.blobsPlaced;
    return placed === null ? respond(exchange, signal) : placed.then(() => respond(exchange, signal));
  }

  /** Runs the pipeline. */
  function work(
    exchange: Exchange,
    routePlan: RoutePlan,
    { names, values }: PathValues,
    principal: PrincipalView,
  ): MaybePromise<Signal> {
    if (routePlan.usesCache) exchange.session.noteSequence();
    const slots: unknown[] = routePlan.emptySlots.slice();
    for (let at = 0; at < names.length; at++) slots[routePlan.params.get(names[at]!)!] = values[at];
    const run: Run = {
      slots,
      request: viewOf(exchange),
      principal,
      route: routePlan.view,
      registry: routePlan.registry,
      env,
      session: exchange.session,
    };
    return routePlan.run(run);
  }

  function viewOf(exchange: Exchange): LazyRequestView {
    exchange.view ??= new LazyRequestView(
      exchange.request,
      pathOf(exchange),
      exchange.target?.query ?? '',
      exchange.body,
    );
    return exchange.view;
  }

  /** Of the route's pack; where no route fits, of the pack whose mount begins the path. */
  function errorsOf({ routePlan, request }: Exchange): ErrorTable {
    return routePlan?.errors ?? plan.errors.forPath(rawPath(request));
  }

  function respond(exchange: Exchange, signal: Signal): MaybePromise<EngineResponse> {
    if (signal === undefined) throw new RegistryError('INTERNAL', { message: 'The pipeline ended without a response' });
    return finish(signal, exchange.request);
  }

  /** An error becomes the response that its pack's clients understand. */
  async function fail(exchange: Exchange, thrown: unknown): Promise<EngineResponse> {
    const error = toRegistryError(thrown);
    error.routeId ??= exchange.routePlan?.route.id;
    exchange.error = error;
    const { session, request } = exchange;
    if (error.status >= 500) {
      // What the pipeline answers for a failure it caught says little of why.
      if (session.caught !== error) error.cause ??= session.caught ?? undefined;
      runtime.log.failure({ requestId: session.requestId, routeId: exchange.routePlan?.route.id ?? null, error });
    }
    const frame = {
      request: viewOf(exchange),
      principal: session.principal,
      route: exchange.routePlan?.view ?? NO_ROUTE,
      registry: exchange.routePlan?.registry ?? plan.registry,
      env,
      session,
    };
    let draft: ResponseDraft;
    try {
      draft = await errorsOf(exchange).respond(error, frame);
    } catch (cause) {
      // The table's own templates failed: the engine's body must do.
      runtime.log.warning('An error table failed', cause);
      draft = await plan.errors.plain.respond(error, frame);
    }
    return finish(draft, { method: request.method, headers: NO_HEADERS });
  }

  /** Ends the session when the response has gone out, and says when the connection cannot be used again. */
  function close(exchange: Exchange, response: EngineResponse): EngineResponse {
    const { body } = response;
    const { session } = exchange;
    if (body === null || typeof body === 'string' || body instanceof Uint8Array) session.end();
    else body.once('close', () => session.end());
    onServed?.({
      request: exchange.request,
      routeId: exchange.routePlan?.route.id ?? null,
      user: session.principal.sub,
      status: response.status,
      code: exchange.error?.code ?? null,
      step: exchange.error === null ? session.longestWait : (exchange.error.step ?? null),
      tookMs: performance.now() - exchange.startedAt,
    });
    return exchange.body.hasUnreadBytes ? { ...response, closeConnection: true } : response;
  }

  return {
    plan,
    handle(request) {
      const exchange = start(request);
      try {
        const response = begin(exchange);
        if (!(response instanceof Promise)) return close(exchange, response);
        return response.catch((thrown) => fail(exchange, thrown)).then((late) => close(exchange, late));
      } catch (thrown) {
        return fail(exchange, thrown).then((late) => close(exchange, late));
      }
    },
  };
}

const NO_HEADERS: EngineRequest['headers'] = Object.freeze([]);
const NO_ROUTE = Object.freeze({ id: '', tags: [], pack: null, method: '', path: '' });

function pathOf({ target, request }: Exchange): string {
  return target === null ? rawPath(request) : target.path;
}

function rawPath({ target }: EngineRequest): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
