import type { LoadContext } from '../model.ts';
import type { ObjectReader } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { CorsDefinition, Definition } from '../types.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const HEADERS = ['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Range'];
const EXPOSED = ['Content-Range', 'ETag', 'Link', 'Location', 'Retry-After', 'WWW-Authenticate'];
const MAX_AGE_SECONDS = 600;
/** No browser keeps a preflight's answer longer. */
const LONGEST_AGE_SECONDS = 86_400;
/** RFC 9110, 5.6.2: what a method and a field name are made of. */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** `http` of `schema.json`: `cors` lets pages of other origins in; without it none is. */
export function readHttp(context: LoadContext, owner: ObjectReader): Definition['http'] {
  const reader = owner.child('http');
  const cors = reader?.child('cors') ?? null;
  const http = { cors: cors === null ? null : readCors(context, cors) };
  reader?.finish();
  return http;
}

function readCors(context: LoadContext, reader: ObjectReader): CorsDefinition {
  reader.require('origins');
  const cors: CorsDefinition = {
    origins: checked(context, reader, 'origins', [], isOrigin, 'an origin such as "https://ui.example.org", or "*"'),
    methods: checked(context, reader, 'methods', METHODS, isToken, 'an HTTP method'),
    headers: checked(context, reader, 'headers', HEADERS, isToken, 'a header name'),
    exposeHeaders: checked(context, reader, 'expose_headers', EXPOSED, isToken, 'a header name'),
    maxAgeSeconds: reader.integer('max_age_seconds', MAX_AGE_SECONDS, 0, LONGEST_AGE_SECONDS),
  };
  reader.finish();
  return cors;
}

function checked(
  { reporter }: LoadContext,
  reader: ObjectReader,
  key: string,
  fallback: readonly string[],
  fits: (text: string) => boolean,
  what: string,
): readonly string[] {
  if (!reader.has(key)) {
    reader.any(key);
    return fallback;
  }
  const list = reader.json[key];
  const texts = reader.texts(key);
  texts.forEach((text, index) => {
    if (Array.isArray(list) && !fits(text)) {
      reporter.report('SHAPE_INVALID', spotOf(list, list.indexOf(text, index)), `"${text}" is not ${what}`);
    }
  });
  return texts;
}

/** Written as browsers send it: no path, no default port, lower case. */
function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:/.test(text) && URL.parse(text)?.origin === text);
}

function isToken(text: string): boolean {
  return TOKEN.test(text);
}
