import { hash } from 'node:crypto';
import type { ResponseCacheDefinition } from '../definition/types.ts';
import type { PrincipalView } from '../language/frame.ts';
import type { CacheStats, ObjectCache } from '../ports/cache.ts';
import type { Clock } from '../shared/clock.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import { ownBytes } from '../shared/own-bytes.ts';
import { keep } from '../shared/passing-bytes.ts';
import type { ResponseDraft, Session, Signal } from './contract.ts';
import type { EngineRequest } from './exchange.ts';

/** A whole answer as it was made. */
export interface KeptResponse {
  readonly draft: ResponseDraft;
  /** The record store's, from before anything was read for it. */
  readonly sequence: number;
  /** In milliseconds since the epoch. */
  readonly madeAt: number;
}

/** How answers of one route are found again. */
export interface RouteCaching {
  /** Tells the routes of a plan apart. */
  readonly prefix: string;
  readonly byAddress: boolean;
}

/** How many keys are remembered of those that were asked for once; a power of two. */
const ASKED_LATELY = 32_768;

type Kept = Pick<EngineRequest, 'target' | 'headers' | 'baseUrl'>;

/**
 * Whole answers of a definition's GET and HEAD routes, found by route, target, the headers that it varies on, and the principal with
 * all that steps can see of it. An answer counts only while the record store is as it was when the request that made it began, and for
 * as long as the definition says. What is asked for once is not kept. Which routes' answers depend on nothing else was decided when the definition was loaded.
 */
export class ResponseCache {
  readonly #kept: ObjectCache<KeptResponse>;
  readonly #settings: ResponseCacheDefinition;
  readonly #clock: Clock;
  readonly #principals = new WeakMap<PrincipalView, string>();
  /** Prints of keys that were asked for. */
  readonly #asked = new Int32Array(ASKED_LATELY);
  #hits = 0;
  #misses = 0;

  constructor(kept: ObjectCache<KeptResponse>, settings: ResponseCacheDefinition, clock: Clock) {
    this.#kept = kept;
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * The kept answer, or the one that `make` gives, which is kept where it can be and is asked for again. `session` has read nothing yet.
   */
  answer(
    route: RouteCaching,
    request: Kept,
    principal: PrincipalView,
    session: Pick<Session, 'sequence'>,
    make: () => MaybePromise<Signal>,
  ): MaybePromise<Signal> {
    const key = this.#key(route, request, principal);
    const found = this.#kept.get(key);
    if (found === undefined && !this.#isAskedAgain(key)) {
      this.#misses++;
      return make();
    }
    return whenReady(session.sequence(), (current) => {
      if (found !== undefined && found.sequence === current) {
        const ageMs = this.#clock.now() - found.madeAt;
        if (ageMs >= 0 && ageMs < this.#settings.ttlSeconds * 1000) {
          this.#hits++;
          return this.#settings.useLastModified ? dated(found, ageMs) : found.draft;
        }
      }
      this.#misses++;
      return whenReady(make(), (signal) => (signal === undefined ? signal : this.#keep(key, signal, current)));
    });
  }

  /** Whether the key, or one that looks like it, was asked for lately. What is asked for once is not worth the room and the time. */
  #isAskedAgain(key: string): boolean {
    let print = 0x811c9dc5;
    for (let at = 0; at < key.length; at++) print = Math.imul(print ^ key.charCodeAt(at), 0x01000193);
    const place = (print ^ (print >>> 15)) & (ASKED_LATELY - 1);
    if (this.#asked[place] === print) return true;
    this.#asked[place] = print;
    return false;
  }

  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, entries: this.#kept.entries, bytes: this.#kept.bytes };
  }

  #keep(key: string, made: ResponseDraft, sequence: number): ResponseDraft {
    if (made.status !== 200 || !mayBeKept(made)) return made;
    const body = made.body.kind === 'bytes' ? { ...made.body, bytes: ownBytes(keep(made.body.bytes)) } : made.body;
    if (body.kind === 'kept') {
      // Its bytes stand among the representations.
      this.#kept.set(key, { draft: made, sequence, madeAt: this.#clock.now() }, 0);
      return made;
    }
    if (body.kind !== 'text' && body.kind !== 'bytes') return made;
    const bytes = body.kind === 'text' ? Buffer.byteLength(body.text) : body.bytes.byteLength;
    if (bytes > this.#settings.maxEntryBytes) return made;
    const etag = this.#settings.useEtag && !hasTag(made) ? tagOf(body) : made.etag;
    const draft = { ...made, body, etag };
    this.#kept.set(key, { draft, sequence, madeAt: this.#clock.now() }, bytes);
    return draft;
  }

  /** The target comes last and the rest is JSON, so that no two requests share a key. */
  #key({ prefix, byAddress }: RouteCaching, request: Kept, principal: PrincipalView): string {
    const { varyHeaders } = this.#settings;
    const headers = varyHeaders.length === 0 ? '' : varyOf(varyHeaders, request.headers);
    const address = byAddress ? JSON.stringify(request.baseUrl) : '';
    return `${prefix}\n${this.#identity(principal)}\n${headers}\n${address}\n${request.target}`;
  }

  #identity(principal: PrincipalView): string {
    let identity = this.#principals.get(principal);
    if (identity === undefined) {
      identity = JSON.stringify([principal.sub, principal.scopes, principal.roles, principal.org]);
      this.#principals.set(principal, identity);
    }
    return identity;
  }
}

/** The values of some headers, each as steps see it. */
function varyOf(names: readonly string[], headers: EngineRequest['headers']): string {
  const values: (string | null)[] = names.map(() => null);
  for (const [name, value] of headers) {
    const index = names.indexOf(name);
    if (index === -1) continue;
    const before = values[index] ?? null;
    values[index] = before === null ? value : `${before}, ${value}`;
  }
  return JSON.stringify(values);
}

/** Answers that forbid it, or that set cookies, are made anew each time. */
function mayBeKept({ headers }: ResponseDraft): boolean {
  for (const [name, value] of headers) {
    switch (name.length) {
      case 13:
        if (name.toLowerCase() === 'cache-control' && /\bno-store\b/i.test(value)) return false;
        break;
      case 10:
        if (name.toLowerCase() === 'set-cookie') return false;
        break;
    }
  }
  return true;
}

function hasTag({ etag, headers }: ResponseDraft): boolean {
  return etag !== null || headers.some(([name]) => name.toLowerCase() === 'etag');
}

function tagOf(body: Extract<ResponseDraft['body'], { kind: 'text' | 'bytes' }>): string {
  return hash('sha256', body.kind === 'text' ? body.text : body.bytes, 'base64url');
}

/**
 * The answer with the second in which it was made as its Last-Modified, unless it has one, and only when that second is over: another
 * answer of the same second would otherwise have the same date.
 */
function dated({ draft, madeAt }: KeptResponse, ageMs: number): ResponseDraft {
  if ((madeAt % 1000) + ageMs < 1000) return draft;
  if (draft.headers.some(([name]) => name.toLowerCase() === 'last-modified')) return draft;
  return { ...draft, headers: [...draft.headers, ['Last-Modified', new Date(madeAt).toUTCString()]] };
}
