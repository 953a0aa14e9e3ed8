import { createHash, hash, randomUUID, timingSafeEqual } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream';
import { type HttpBindings, serve } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { versionSortKey } from '../src/shared/versions.ts';
import { type Artifact, openHandWrittenStore } from './hand-written-store.ts';

/*
 * The packages pack as a careful person would write it by hand: what the registry is measured against. It keeps the promises that the
 * registry keeps on these routes (validation, tombstone-free publish of what is not there yet, durable files, one transaction on a thread
 * that writes, which those that come together share, entity tags, ranges) and does nothing that they do not ask for. Arguments: the data folder and the token that may publish.
 */

type Env = { Bindings: HttpBindings };

const [data = '', token = ''] = process.argv.slice(2);
const store = openHandWrittenStore(data);
const tokenHash = hash('sha256', token, 'buffer');
const blobs = join(data, 'blobs');
const lasting = new Set([blobs]);
const MAX_BLOB_BYTES = 2 ** 31;
/** Blobs up to this size are read in one piece; larger ones are streamed, in pieces that have the second size. */
const SMALL_BYTES = 64 * 1024;
const PIECE_BYTES = 256 * 1024;

const NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;
const VERSION = /^v?[0-9][A-Za-z0-9._+-]{0,127}$/;
const PLAIN_TYPE = /^[ -~]{0,255}$/;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const idPrefix = randomUUID().slice(0, 8);
let idCount = 0;

/** On every answer: what to look for in a log, and that nobody guesses types. */
function always(c: Context<Env>): { 'X-Request-Id': string; 'X-Content-Type-Options': string } {
  const given = c.req.header('x-request-id');
  const id = given !== undefined && REQUEST_ID.test(given) ? given : `${idPrefix}-${++idCount}`;
  return { 'X-Request-Id': id, 'X-Content-Type-Options': 'nosniff' };
}

function problem(c: Context<Env>, status: ContentfulStatusCode, code: string, message: string): Response {
  return c.json({ error: { code, message } }, status, always(c));
}

/** Null when the package cannot have this name. */
function packageOf(c: Context<Env>): { namespace: string; name: string } | null {
  const namespace = c.req.param('namespace')!.trim().toLowerCase();
  const name = c.req.param('name')!.trim().toLowerCase().replaceAll('_', '-');
  return NAME.test(namespace) && NAME.test(name) ? { namespace, name } : null;
}

function artifactOf(c: Context<Env>): { namespace: string; name: string; version: string; variant: string } | null {
  const pack = packageOf(c);
  const version = c.req.param('version')!.trim();
  const variant = c.req.param('variant')!.trim().toLowerCase();
  return pack !== null && VERSION.test(version) && NAME.test(variant) ? { ...pack, version, variant } : null;
}

function isKnown(c: Context<Env>, etag: string): boolean {
  const field = c.req.header('if-none-match');
  return field !== undefined && (field === etag || field === '*' || field.split(/\s*,\s*/).includes(etag));
}

function document(c: Context<Env>, row: Pick<Artifact, 'id' | 'document'> | undefined): Response {
  if (row === undefined) return problem(c, 404, 'NOT_FOUND', 'There is no such version');
  const etag = `"r${row.id}"`;
  if (isKnown(c, etag)) return c.body(null, 304, { ETag: etag, ...always(c) });
  return c.body(row.document, 200, {
    'Content-Type': 'application/json',
    ETag: etag,
    ...always(c),
  });
}

function blobPath(hex: string): string {
  return `${blobs}/${hex.slice(0, 2)}/${hex}`;
}

function readBlob(hex: string, start: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.allocUnsafe(length);
  const fd = openSync(blobPath(hex), 'r');
  try {
    if (readSync(fd, bytes, 0, length, start) !== length) throw new Error(`The blob ${hex} is not whole`);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

const app = new Hono<Env>();

app.get('/v1/:namespace/:name/latest', (c) => {
  const key = packageOf(c);
  if (key === null) return problem(c, 400, 'INVALID', 'This is no name of a package');
  return document(c, store.latest(key.namespace, key.name));
});

app.get('/v1/:namespace/:name/:version/:variant', (c) => {
  const key = artifactOf(c);
  if (key === null) return problem(c, 400, 'INVALID', 'This is no name of a version');
  return document(c, store.find(key.namespace, key.name, key.version, key.variant));
});

app.get('/v1/:namespace/:name/:version/:variant/blob', (c) => {
  const key = artifactOf(c);
  if (key === null) return problem(c, 400, 'INVALID', 'This is no name of a version');
  const row = store.findBlob(key.namespace, key.name, key.version, key.variant);
  if (row === undefined) return problem(c, 404, 'NOT_FOUND', 'There is no such version');
  const etag = `"sha256:${row.hex}"`;
  if (isKnown(c, etag)) return c.body(null, 304, { ETag: etag, ...always(c) });
  const range = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(c.req.header('range') ?? '');
  const start = range === null ? 0 : Number(range[1]);
  const end = range === null ? row.size - 1 : Math.min(Number(range[2]), row.size - 1);
  if (start > end && range !== null) return problem(c, 416, 'RANGE', 'There is nothing in this range');
  const status = range === null ? 200 : 206;
  const length = end + 1 - start;
  const headers = {
    'Content-Type': row.media_type,
    'Content-Security-Policy': "sandbox; default-src 'none'",
    ETag: etag,
    'Accept-Ranges': 'bytes',
    ...always(c),
    ...(range === null ? null : { 'Content-Range': `bytes ${start}-${end}/${row.size}` }),
  };
  if (length <= SMALL_BYTES) return c.body(readBlob(row.hex, start, length), status, headers);
  return streamBlob(c, row.hex, { start, end }, status, { ...headers, 'Content-Length': String(length) });
});

/** Straight to the connection: through a web stream it would take twice as long. A client that leaves closes the file. */
async function streamBlob(
  c: Context<Env>,
  hex: string,
  range: { readonly start: number; readonly end: number },
  status: number,
  headers: Record<string, string>,
): Promise<Response> {
  const file = await open(blobPath(hex), 'r');
  const { outgoing } = c.env;
  outgoing.writeHead(status, headers);
  pipeline(file.createReadStream({ ...range, highWaterMark: PIECE_BYTES }), outgoing, (error) => {
    if (error) outgoing.destroy();
  });
  return RESPONSE_ALREADY_SENT;
}

app.put('/v1/:namespace/:name/:version/:variant/blob', async (c) => {
  if (!mayPublish(c.req.header('authorization'))) return problem(c, 401, 'UNAUTHORIZED', 'A token is needed');
  const key = artifactOf(c);
  const media_type = c.req.header('content-type') ?? 'application/octet-stream';
  if (key === null || !PLAIN_TYPE.test(media_type)) return problem(c, 400, 'INVALID', 'This is no name of a version');
  const exists = () => problem(c, 409, 'ALREADY_EXISTS', 'This version is published already');
  if (store.findBlob(key.namespace, key.name, key.version, key.variant) !== undefined) return exists();
  const { hex, size } = await keepBlob(c.env.incoming);
  const at = new Date().toISOString();
  const digest = `sha256:${hex}`;
  const published = await store.publish({
    ...key,
    order: versionSortKey('semver', key.version),
    prerelease: (key.version.split('+', 1)[0] ?? '').includes('-') ? 1 : 0,
    hex,
    size,
    media_type,
    document: JSON.stringify({
      ...key,
      blob_digest: digest,
      blob_size: size,
      media_type,
      created_at: at,
      created_by: 'admin',
    }),
    at,
  });
  return published ? c.json({ ok: true, digest, size }, 201, always(c)) : exists();
});

function mayPublish(authorization: string | undefined): boolean {
  const given = /^Bearer ([\x21-\x7e]{1,256})$/.exec(authorization ?? '')?.[1];
  return given !== undefined && timingSafeEqual(hash('sha256', given, 'buffer'), tokenHash);
}

/** To a temporary file while it is hashed, then fsync, rename, and fsync of the folder, and of those that a new folder stands in. */
async function keepBlob(body: AsyncIterable<Uint8Array>): Promise<{ hex: string; size: number }> {
  const temporary = join(blobs, 'tmp', randomUUID());
  const sha256 = createHash('sha256');
  let size = 0;
  try {
    await using file = await open(temporary, 'wx');
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > MAX_BLOB_BYTES) throw new Error('The blob is too large');
      sha256.update(chunk);
      await file.write(chunk);
    }
    await file.sync();
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  const hex = sha256.digest('hex');
  const folder = dirname(blobPath(hex));
  await makeFolder(folder);
  await rename(temporary, blobPath(hex));
  await sync(folder);
  return { hex, size };
}

/** A new folder lasts once the one that holds it was synced; another request may have made it and not have come to that yet. */
async function makeFolder(folder: string): Promise<void> {
  if (lasting.has(folder)) return;
  await mkdir(folder, { recursive: true });
  const made: string[] = [];
  for (let at = folder; !lasting.has(at); at = dirname(at)) {
    await sync(dirname(at));
    made.push(at);
  }
  for (const path of made) lasting.add(path);
}

async function sync(folder: string): Promise<void> {
  await using opened = await open(folder, 'r');
  await opened.sync();
}

mkdirSync(join(blobs, 'tmp'), { recursive: true });
const server = serve(
  { fetch: app.fetch, hostname: '127.0.0.1', port: 0, serverOptions: { optimizeEmptyRequests: true } },
  ({ port }) => {
    console.log(`Listening on http://127.0.0.1:${port}`);
  },
);
process.once('SIGTERM', () => {
  server.close(() => void store.close());
  if ('closeAllConnections' in server) server.closeAllConnections();
});
