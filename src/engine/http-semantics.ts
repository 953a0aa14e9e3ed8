import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { RegistryError } from '../errors/registry-error.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import type { ResponseDraft } from './contract.ts';
import type { EngineRequest, EngineResponse } from './exchange.ts';

/** Documents shorter than this are sent as they are: a content coding would not pay. */
const MIN_CODED_BYTES = 1024;

type Headers = (readonly [string, string])[];

/**
 * HTTP, once for all packs (RFC 9110): entity tags, If-Match, If-None-Match, If-Range, one Range, HEAD, Content-Length, and gzip on
 * documents (never on blobs) with an entity tag of its own.
 * Fails with PRECONDITION_FAILED and RANGE_NOT_SATISFIABLE.
 */
export function finish(
  draft: ResponseDraft,
  request: Pick<EngineRequest, 'method' | 'headers'>,
): MaybePromise<EngineResponse> {
  const { body } = draft;
  const reading = request.method === 'GET' || request.method === 'HEAD';
  const wanted = requestHeaders(request);
  const headers: Headers = [...draft.headers];
  let etag = headerOf(headers, 'etag');
  if (etag === null && draft.etag !== null) {
    etag = `"${draft.etag}"`;
    headers.push(['ETag', etag]);
  }

  const coded = body.kind === 'kept' ? body.gzip !== null : body.kind === 'text' && codable(draft, body.text, headers);
  if (coded) headers.push(['Vary', 'Accept-Encoding']);
  const gzipped = coded && wanted !== null && acceptsGzip(wanted.acceptEncoding);
  if (gzipped && etag !== null) replace(headers, 'etag', codedTag(etag));

  if (reading && wanted !== null && draft.status === 200) {
    const tags = etag === null ? [] : gzipped || coded ? [etag, codedTag(etag)] : [etag];
    if (wanted.ifMatch !== null && !matchesTag(wanted.ifMatch, tags, true))
      throw new RegistryError('PRECONDITION_FAILED');
    if (wanted.ifNoneMatch !== null && matchesTag(wanted.ifNoneMatch, tags, false)) {
      return notModified(headers);
    }
    if (wanted.ifNoneMatch === null && wanted.ifModifiedSince !== null) {
      if (isAtLatest(headerOf(headers, 'last-modified'), wanted.ifModifiedSince)) return notModified(headers);
    }
  }

  switch (body.kind) {
    case 'none':
      // 204 and 304 have no length; everything else says that nothing follows.
      if (draft.status !== 204 && draft.status !== 304 && headerOf(headers, 'content-length') === null) {
        headers.push(['Content-Length', '0']);
      }
      return response(draft.status, headers, null);
    case 'text': {
      if (gzipped) {
        headers.push(['Content-Encoding', 'gzip']);
        return compress(body.text).then((bytes) => whole(draft.status, headers, bytes, request.method));
      }
      return whole(draft.status, headers, body.text, request.method);
    }
    case 'kept': {
      if (!gzipped || body.gzip === null) return whole(draft.status, headers, body.plain, request.method);
      headers.push(['Content-Encoding', 'gzip']);
      return whole(draft.status, headers, body.gzip, request.method);
    }
    case 'bytes':
      return ranged(draft, headers, etag, request, wanted, body.bytes.length, (range) => ({
        bytes: range === null ? body.bytes : body.bytes.subarray(range.start, range.end + 1),
        stream: null,
      }));
    case 'handle': {
      const { handle } = body;
      if (handle.reopenable && handle.size !== null) {
        return ranged(draft, headers, etag, request, wanted, handle.size, (range) => handle.open(range ?? undefined));
      }
      if (handle.size !== null) headers.push(['Content-Length', String(handle.size)]);
      if (request.method === 'HEAD') return response(draft.status, headers, null);
      return whenReady(handle.open(), (opened) => response(draft.status, headers, opened.bytes ?? opened.stream));
    }
  }
}

interface Wanted {
  ifMatch: string | null;
  ifNoneMatch: string | null;
  ifModifiedSince: string | null;
  ifRange: string | null;
  range: string | null;
  acceptEncoding: string | null;
}

/** The headers that matter here; null where the request has none of them. */
function requestHeaders(request: Pick<EngineRequest, 'headers'>): Wanted | null {
  let wanted: Wanted | null = null;
  for (let at = 0; at < request.headers.length; at++) {
    const header = request.headers[at]!;
    const field = wantedField(header[0]);
    if (field === null) continue;
    const value = header[1];
    wanted ??= {
      ifMatch: null,
      ifNoneMatch: null,
      ifModifiedSince: null,
      ifRange: null,
      range: null,
      acceptEncoding: null,
    };
    const before = wanted[field];
    wanted[field] = before === null ? value : `${before}, ${value}`;
  }
  return wanted;
}

/** Compared one by one: a name off the connection is a new text each time, which a table would have to hash first. */
function wantedField(name: string): keyof Wanted | null {
  switch (name) {
    case 'if-match':
      return 'ifMatch';
    case 'if-none-match':
      return 'ifNoneMatch';
    case 'if-modified-since':
      return 'ifModifiedSince';
    case 'if-range':
      return 'ifRange';
    case 'range':
      return 'range';
    case 'accept-encoding':
      return 'acceptEncoding';
    default:
      return null;
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function ranged(
  draft: ResponseDraft,
  headers: Headers,
  etag: string | null,
  request: Pick<EngineRequest, 'method'>,
  wanted: Wanted | null,
  size: number,
  open: (range: Range | null) => MaybePromise<{ bytes: Uint8Array | null; stream: EngineResponse['body'] }>,
): MaybePromise<EngineResponse> {
  headers.push(['Accept-Ranges', 'bytes']);
  const applies =
    request.method === 'GET' &&
    draft.status === 200 &&
    wanted !== null &&
    wanted.range !== null &&
    ifRangeHolds(wanted.ifRange, etag);
  const range = applies ? parseRange(wanted.range!, size) : 'whole';
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_NOT_SATISFIABLE', { headers: { 'Content-Range': `bytes */${size}` } });
  }
  const part = range === 'whole' ? null : range;
  if (part !== null) headers.push(['Content-Range', `bytes ${part.start}-${part.end}/${size}`]);
  headers.push(['Content-Length', String(part === null ? size : part.end - part.start + 1)]);
  const status = part === null ? draft.status : 206;
  if (request.method === 'HEAD') return response(status, headers, null);
  return whenReady(open(part), (opened) => response(status, headers, opened.bytes ?? opened.stream));
}

/** RFC 9110 section 14.2: what is not understood, or asks for several ranges, is ignored. */
function parseRange(text: string, size: number): Range | 'whole' | 'unsatisfiable' {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(text.trim());
  if (match === null) return 'whole';
  const [, first, last] = match;
  if (first === '') {
    if (last === '') return 'whole';
    const length = Number(last);
    if (length === 0 || size === 0) return 'unsatisfiable';
    return { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole';
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}

/** Only a strong entity tag makes a range; a date or a weak tag asks for everything. */
function ifRangeHolds(ifRange: string | null, etag: string | null): boolean {
  return ifRange === null || (etag !== null && ifRange.trim() === etag && !etag.startsWith('W/'));
}

function matchesTag(field: string, tags: readonly string[], strong: boolean): boolean {
  if (field.trim() === '*') return true;
  // Most clients send the one tag they were given.
  if (tags.includes(field) && !(strong && field.startsWith('W/'))) return true;
  const bare = (tag: string) => (tag.startsWith('W/') ? tag.slice(2) : tag);
  for (const [tag] of field.matchAll(/(?:W\/)?"[^"]*"/g)) {
    if (strong ? !tag.startsWith('W/') && tags.includes(tag) : tags.some((own) => bare(own) === bare(tag))) return true;
  }
  return false;
}

export function codable(draft: ResponseDraft, text: string, headers: Readonly<Headers>): boolean {
  return draft.status !== 206 && text.length >= MIN_CODED_BYTES && headerOf(headers, 'content-encoding') === null;
}

/** By q-values: gzip (or `*`) with a quality above zero, unless the body as it is was asked for with a higher one. */
function acceptsGzip(field: string | null): boolean {
  if (field === null) return false;
  let gzip: number | null = null;
  let star = 0;
  let identity = 0;
  for (const part of field.split(',')) {
    const [coding, ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    if (coding === 'gzip' || coding === 'x-gzip') gzip ??= quality;
    else if (coding === '*') star = quality;
    else if (coding === 'identity') identity = quality;
  }
  const wanted = gzip ?? star;
  return wanted > 0 && wanted >= identity;
}

function codedTag(etag: string): string {
  return `${etag.slice(0, -1)}-gzip"`;
}

const gzipAsync = promisify(gzip);

function compress(text: string): Promise<Uint8Array> {
  return gzipAsync(text, { level: 6 });
}

function whole(status: number, headers: Headers, body: string | Uint8Array, method: string): EngineResponse {
  headers.push(['Content-Length', String(typeof body === 'string' ? Buffer.byteLength(body) : body.length)]);
  return response(status, headers, method === 'HEAD' ? null : body);
}

function response(status: number, headers: Headers, body: EngineResponse['body']): EngineResponse {
  return { status, headers, body, closeConnection: false };
}

function headerOf(headers: Readonly<Headers>, name: string): string | null {
  for (let at = 0; at < headers.length; at++) {
    const [own, value] = headers[at]!;
    if (own.length === name.length && own.toLowerCase() === name) return value;
  }
  return null;
}

function replace(headers: Headers, name: string, value: string): void {
  const index = headers.findIndex(([own]) => own.toLowerCase() === name);
  if (index !== -1) headers[index] = [headers[index]![0], value];
}

/** RFC 9110 section 13.1.3: what is not a date is ignored. */
function isAtLatest(modified: string | null, since: string): boolean {
  return modified !== null && / GMT$/.test(since) && Date.parse(modified) <= Date.parse(since);
}

function notModified(headers: Headers): EngineResponse {
  return {
    status: 304,
    headers: headers.filter((header) => KEPT_ON_304.test(header[0])),
    body: null,
    closeConnection: false,
  };
}

/** RFC 9110 section 15.4.5. */
const KEPT_ON_304 = /^(?:cache-control|content-location|date|etag|expires|vary|last-modified)$/i;
