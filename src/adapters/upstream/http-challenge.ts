import { LRUCache } from 'lru-cache';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Clock } from '../../shared/clock.ts';
import { isHttp } from './http-url.ts';

/** What a 401 asks for: `WWW-Authenticate: Bearer realm="…",service="…",scope="…"` (RFC 6750, section 3). */
export interface Challenge {
  readonly realm: string;
  readonly service: string | null;
  readonly scope: string | null;
}

/** Reads the Bearer challenge out of a WWW-Authenticate header, which may hold others too; null without a realm. */
export function parseChallenge(header: string): Challenge | null {
  const start = /(?:^|,)\s*Bearer\s+/i.exec(header);
  if (start === null) return null;
  const found = new Map<string, string>();
  const parameter = /[\s,]*([a-z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/iy;
  parameter.lastIndex = start.index + start[0].length;
  for (let match = parameter.exec(header); match !== null; match = parameter.exec(header)) {
    const value = match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '';
    found.set((match[1] ?? '').toLowerCase(), value);
  }
  const realm = found.get('realm');
  return realm === undefined
    ? null
    : { realm, service: found.get('service') ?? null, scope: found.get('scope') ?? null };
}

/** Asks for a token; the answer's text, or null when it is refused. Redirects are not followed. */
export type FetchToken = (url: URL, headers: Readonly<Record<string, string>>) => Promise<string | null>;

export interface TokenSource {
  /** A token that an answer near this URL asked for before and that still holds; else null. */
  known(url: URL): string | null;
  /** A token for a challenge, other than `refused`; null when none is given. Fails with UPSTREAM_INVALID. */
  obtain(url: URL, challenge: Challenge, refused: string | null): Promise<string | null>;
}

interface Token {
  readonly text: string;
  readonly expiresAt: number;
}

/** What a token holds for when its answer does not say (the distribution token protocol). */
const DEFAULT_SECONDS = 60;

export interface TokenSourceOptions {
  readonly base: URL;
  readonly username: string | null;
  readonly password: string | null;
  readonly clock: Clock;
  readonly fetchToken: FetchToken;
}

/** Keeps tokens until they expire, and asks once for those who want the same one at a time. */
export function createTokenSource({ base, username, password, clock, fetchToken }: TokenSourceOptions): TokenSource {
  const tokens = new LRUCache<string, Token>({ max: 1000 });
  /** By folder of the path: what lies beside each other is mostly opened by one token. */
  const challenges = new LRUCache<string, string>({ max: 1000 });
  const asked = new Map<string, Promise<Token | null>>();

  function cached(key: string): string | null {
    const token = tokens.get(key);
    return token !== undefined && token.expiresAt > clock.now() ? token.text : null;
  }

  async function ask(challenge: Challenge): Promise<Token | null> {
    const url = URL.parse(challenge.realm, base.href);
    if (url === null || !isHttp(url) || (base.protocol === 'https:' && url.protocol !== 'https:')) {
      throw new RegistryError('UPSTREAM_INVALID', { message: 'The upstream names no usable place to get a token' });
    }
    url.username = '';
    url.password = '';
    if (challenge.service !== null) url.searchParams.set('service', challenge.service);
    // Several scopes come in one parameter, apart by spaces, and are sent as one parameter each.
    for (const scope of challenge.scope?.split(' ') ?? []) if (scope !== '') url.searchParams.append('scope', scope);
    const answer = await fetchToken(
      url,
      username === null ? {} : { authorization: basicAuth(username, password ?? '') },
    );
    return answer === null ? null : readToken(answer, clock.now());
  }

  return {
    known(url) {
      const key = challenges.get(folderOf(url));
      return key === undefined ? null : cached(key);
    },
    async obtain(url, challenge, refused) {
      const key = JSON.stringify([challenge.realm, challenge.service, challenge.scope]);
      challenges.set(folderOf(url), key);
      const kept = cached(key);
      if (kept !== null && kept !== refused) return kept;
      let asking = asked.get(key);
      if (asking === undefined) {
        asking = ask(challenge).finally(() => asked.delete(key));
        asked.set(key, asking);
      }
      const token = await asking;
      if (token === null) return null;
      tokens.set(key, token);
      return token.text;
    },
  };
}

function folderOf(url: URL): string {
  return url.pathname.slice(0, url.pathname.lastIndexOf('/'));
}

/** Reads `{ token | access_token, expires_in }`. */
function readToken(answer: string, now: number): Token {
  const { token, access_token, expires_in }: Record<string, unknown> = Object(parseJson(answer));
  const text = typeof token === 'string' ? token : access_token;
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw new RegistryError('UPSTREAM_INVALID', { message: 'The upstream gave a token that makes no sense' });
  }
  const seconds = typeof expires_in === 'number' && expires_in > 0 ? expires_in : DEFAULT_SECONDS;
  // A little early, so that it does not end on its way.
  return { text, expiresAt: now + seconds * 1000 - Math.min(5000, seconds * 100) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Credentials as the Authorization header has them (RFC 7617). */
export function basicAuth(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
