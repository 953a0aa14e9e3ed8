import type { IncomingMessage } from 'node:http';

/** Which pages of other origins may call; see `http.cors` of a definition. */
export interface CorsSettings {
  /** As browsers send them, or `*`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

type HeaderList = readonly (readonly [string, string])[];

/**
 * The server's side of the CORS protocol (Fetch standard, 3.2). There are no cookies, so `Access-Control-Allow-Credentials` is never sent:
 * pages put their token into the Authorization header themselves.
 */
export interface Cors {
  /** For the answer to any request. Pages of an origin that is not listed get nothing that lets them read it. */
  headersFor(origin: string | undefined): HeaderList;
  /** For the answer to a preflight, which asks for no more than these. */
  preflight(origin: string | undefined): HeaderList;
}

export function openCors(settings: CorsSettings): Cors {
  const any = settings.origins.includes('*');
  const origins = new Set(settings.origins);
  // What differs by origin must not be kept by caches for another.
  const vary = ['Vary', 'Origin'] as const;
  const expose = settings.exposeHeaders.join(', ');

  function allowOrigin(origin: string | undefined): HeaderList {
    if (any) return [['Access-Control-Allow-Origin', '*']];
    return origin !== undefined && origins.has(origin) ? [['Access-Control-Allow-Origin', origin], vary] : [vary];
  }
  const allows = (origin: string | undefined) => origin !== undefined && (any || origins.has(origin));

  return {
    headersFor(origin) {
      const exposed = allows(origin) && expose !== '' ? [['Access-Control-Expose-Headers', expose] as const] : [];
      return [...allowOrigin(origin), ...exposed];
    },
    preflight(origin) {
      if (!allows(origin)) return allowOrigin(origin);
      return [
        ...allowOrigin(origin),
        ['Access-Control-Allow-Methods', settings.methods.join(', ')],
        ['Access-Control-Allow-Headers', settings.headers.join(', ')],
        ['Access-Control-Max-Age', String(settings.maxAgeSeconds)],
      ];
    },
  };
}

/** Whether a browser asks on a page's behalf what it may send. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;
}
