import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openTestRegistry, STORE_KINDS, type StoreKind, type TestRegistry } from '../support/registry.ts';
import { ask, BLOB_ROUTES, readItem, registryOf, reply, route, writeItem } from './steps.ts';

/** language.md, section 6, through the engine. */
describe.each(STORE_KINDS)('blobs over HTTP on %s', (kind: StoreKind) => {
  const TEXT = '0123456789';
  async function open(text = TEXT) {
    const registry = await openTestRegistry(registryOf(BLOB_ROUTES), { kind });
    const etag = `"${(await registry.send('PUT', '/blob', { body: text })).json}"`;
    const get = (headers: Record<string, string>, method = 'GET') => registry.send(method, '/blob', { headers });
    return { ...registry, etag, get };
  }

  it('have their digest as a strong entity tag', async () => {
    const { get, etag } = await open();
    const { headers } = await get({});
    expect(headers).toMatchObject({
      etag,
      'accept-ranges': 'bytes',
      'content-length': '10',
      'content-type': 'text/plain',
    });
    expect(etag).toMatch(/^"sha256:[0-9a-f]{64}"$/);
  });

  it('answer If-None-Match: one of a list, `*`, and weak comparison', async () => {
    const { get, etag } = await open();
    for (const field of [etag, `"a", ${etag} , "b"`, '*', `W/${etag}`]) {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers, bytes } = await get({ 'if-none-match': field }, method);
        expect([status, headers.etag, bytes.length]).toEqual([304, etag, 0]);
        expect(headers['content-length']).toBeUndefined();
      }
    }
    for (const field of ['"other"', 'W/"other"', '', etag.slice(1, -1)]) {
      expect((await get({ 'if-none-match': field })).status).toBe(200);
    }
  });

  it('answer If-Match: strong comparison, and 412', async () => {
    const { get, etag } = await open();
    for (const field of [etag, '*', `"a", ${etag}`]) expect((await get({ 'if-match': field })).status).toBe(200);
    for (const field of ['"other"', `W/${etag}`]) {
      const { status, json } = await get({ 'if-match': field });
      expect([status, json.error.code]).toEqual([412, 'PRECONDITION_FAILED']);
    }
    // If-Match is judged first.
    expect((await get({ 'if-match': '"other"', 'if-none-match': etag })).status).toBe(412);
  });

  it('give one range: a single one, a suffix, an open one', async () => {
    const { get, etag } = await open();
    for (const [range, text, contentRange] of [
      ['bytes=0-0', '0', 'bytes 0-0/10'],
      ['bytes=2-4', '234', 'bytes 2-4/10'],
      ['bytes=7-', '789', 'bytes 7-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=-99', TEXT, 'bytes 0-9/10'],
      ['bytes=8-99', '89', 'bytes 8-9/10'],
      ['BYTES=9-9', '9', 'bytes 9-9/10'],
    ] as const) {
      const answer = await get({ range });
      expect([answer.status, answer.text], range).toEqual([206, text]);
      const length = String(text.length);
      expect(answer.headers, range).toMatchObject({ 'content-range': contentRange, 'content-length': length, etag });
    }
  });

  it('ignore several ranges, and what is none', async () => {
    const { get } = await open();
    for (const range of ['bytes=0-1,3-4', 'bytes=4-2', 'bytes=', 'bytes=-', 'items=0-1', 'bytes=a-b', 'bytes 0-1']) {
      const { status, text, headers } = await get({ range });
      expect([status, text, headers['content-range']], range).toEqual([200, TEXT, undefined]);
    }
  });

  it('refuse a range outside with 416 and the size', async () => {
    const { get } = await open();
    for (const range of ['bytes=10-', 'bytes=99-100', 'bytes=-0']) {
      const { status, headers, json } = await get({ range });
      expect([status, headers['content-range'], json.error.code], range).toEqual([
        416,
        'bytes */10',
        'RANGE_NOT_SATISFIABLE',
      ]);
    }
  });

  it('give no range of nothing', async () => {
    const { get } = await open('');
    expect((await get({})).headers['content-length']).toBe('0');
    expect((await get({ range: 'bytes=0-' })).status).toBe(416);
    expect((await get({ range: 'bytes=-1' })).status).toBe(416);
  });

  it('give the range where If-Range names the strong tag, everything where it does not', async () => {
    const { get, etag } = await open();
    const range = 'bytes=2-4';
    expect((await get({ range, 'if-range': etag })).status).toBe(206);
    for (const field of ['"other"', `W/${etag}`, 'Wed, 21 Oct 2026 07:28:00 GMT']) {
      const { status, text } = await get({ range, 'if-range': field });
      expect([status, text]).toEqual([200, TEXT]);
    }
    // A range that is out of bounds does not matter then.
    expect((await get({ range: 'bytes=99-', 'if-range': '"other"' })).status).toBe(200);
  });

  it('answer HEAD as GET without the body, and ignore its Range', async () => {
    const { get, etag } = await open();
    const { status, headers, bytes } = await get({ range: 'bytes=2-4' }, 'HEAD');
    expect([status, headers['content-length'], headers.etag, bytes.length]).toEqual([200, '10', etag, 0]);
  });

  it('answer a condition before a range', async () => {
    const { get, etag } = await open();
    expect((await get({ range: 'bytes=2-4', 'if-none-match': etag })).status).toBe(304);
  });

  it('are never coded, however compressible', async () => {
    const { get } = await open('a'.repeat(5000));
    const { headers, bytes } = await get({ 'accept-encoding': 'gzip' });
    expect([headers['content-encoding'], headers.vary, bytes.length]).toEqual([undefined, undefined, 5000]);
  });
});

describe.each(STORE_KINDS)('documents over HTTP on %s', (kind: StoreKind) => {
  const LONG = { text: 'word '.repeat(400) };
  const put = ({ send }: TestRegistry, id: string, value: object) => send('PUT', `/items/${id}`, { body: value });
  const open = (...routes: readonly object[]) =>
    openTestRegistry(registryOf([writeItem, readItem, ...routes]), { kind });

  it('have the record version as a strong entity tag, which each write changes', async () => {
    const registry = await open();
    await put(registry, 'a', { v: 1 });
    const first = await registry.send('GET', '/items/a');
    expect(first.headers.etag).toMatch(/^"r\d+"$/);
    const condition = { headers: { 'if-none-match': first.headers.etag ?? '' } };
    expect((await registry.send('GET', '/items/a', condition)).status).toBe(304);
    await put(registry, 'b', { v: 1 });
    expect((await registry.send('GET', '/items/a', condition)).status).toBe(304);
    await put(registry, 'a', { v: 1 });
    const second = await registry.send('GET', '/items/a', condition);
    expect([second.status, second.headers.etag === first.headers.etag]).toEqual([200, false]);
  });

  it('that are made up have none, and none is matched by nothing but `*`', async () => {
    const { send } = await open(route('made', [reply({ a: 1 })], 'GET'));
    expect((await send('GET', '/made')).headers.etag).toBeUndefined();
    expect((await send('GET', '/made', { headers: { 'if-none-match': '"r1"' } })).status).toBe(200);
    expect((await send('GET', '/made', { headers: { 'if-match': '"r1"' } })).status).toBe(412);
  });

  it('are gzipped for who accepts it, with a tag of their own and Vary', async () => {
    const registry = await open();
    await put(registry, 'a', LONG);
    const get = (headers: Record<string, string>) => registry.send('GET', '/items/a', { headers });
    const plain = await get({});
    expect([plain.headers.vary, plain.headers['content-encoding']]).toEqual(['Accept-Encoding', undefined]);
    const coded = await get({ 'accept-encoding': 'br, gzip' });
    expect(coded.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
    expect(coded.headers['content-length']).toBe(String(coded.bytes.length));
    expect(gunzipSync(coded.bytes).toString()).toBe(plain.text);
    expect(coded.headers.etag).not.toBe(plain.headers.etag);
    // A cache that holds either form asks with its own tag.
    for (const tag of [plain.headers.etag, coded.headers.etag]) {
      expect((await get({ 'accept-encoding': 'gzip', 'if-none-match': tag ?? '' })).status).toBe(304);
    }
  });

  it('are coded by q-values', async () => {
    const registry = await open();
    await put(registry, 'a', LONG);
    for (const [field, coding] of [
      ['gzip;q=0', undefined],
      ['gzip;q=0.000, *', undefined],
      ['identity, *;q=0', undefined],
      ['br', undefined],
      ['', undefined],
      ['*', 'gzip'],
      ['GZIP;Q=0.5', 'gzip'],
      ['x-gzip', 'gzip'],
      ['br;q=1.0, gzip;q=0.1', 'gzip'],
      ['gzip;q=0.5, identity;q=1', undefined],
      ['gzip;q=0.5, identity;q=0.5', 'gzip'],
    ] as const) {
      const { headers } = await registry.send('GET', '/items/a', { headers: { 'accept-encoding': field } });
      expect(headers['content-encoding'], field).toBe(coding);
    }
  });

  it('that are short are sent as they are', async () => {
    const registry = await open();
    await put(registry, 'a', { v: 1 });
    const { headers } = await registry.send('GET', '/items/a', { headers: { 'accept-encoding': 'gzip' } });
    expect([headers['content-encoding'], headers.vary]).toEqual([undefined, undefined]);
  });

  it('answer HEAD with what GET would send, coded or not', async () => {
    const registry = await open();
    await put(registry, 'a', LONG);
    for (const headers of [{ 'accept-encoding': 'identity' }, { 'accept-encoding': 'gzip' }]) {
      const get = await registry.send('GET', '/items/a', { headers });
      const head = await registry.send('HEAD', '/items/a', { headers });
      expect([head.status, head.headers, head.bytes.length]).toEqual([get.status, get.headers, 0]);
    }
  });
});

describe('responses', () => {
  const open = (...routes: readonly object[]) => openTestRegistry(registryOf(routes), { kind: 'memory' });

  it('have no charset added', async () => {
    const { send } = await open(
      route('json', [reply({})], 'GET'),
      route('typed', [reply({}, { headers: { 'Content-Type': 'application/vnd.x+json' } })], 'GET'),
      route('text', [{ op: 'respond.text', args: { body: 'é', media_type: 'text/html' } }], 'GET'),
    );
    expect((await send('GET', '/json')).headers['content-type']).toBe('application/json');
    expect((await send('GET', '/typed')).headers['content-type']).toBe('application/vnd.x+json');
    const text = await send('GET', '/text');
    expect([text.headers['content-type'], text.headers['content-length']]).toEqual(['text/html', '2']);
  });

  it('carry several values of one header, and none that is null', async () => {
    const headers = { Link: ['<a>', '<b>'], 'X-None': null, 'X-Number': 7 };
    const { registry } = await open(route('many', [reply({}, { headers })], 'GET'));
    const { values } = await ask(registry, 'GET', '/many');
    expect([values('link'), values('x-none'), values('x-number')]).toEqual([['<a>', '<b>'], [], ['7']]);
  });

  it('refuse what would end a header', async () => {
    const { send } = await open(route('split', [reply({}, { headers: { 'X-Sent': '{request.query.q}' } })], 'GET'));
    for (const bad of ['a%0d%0aX: 1', 'a%0ab', 'a%00b']) {
      const { status, json } = await send('GET', `/split?q=${bad}`);
      expect([status, json.error.code]).toEqual([400, 'VALUE_INVALID']);
    }
  });

  it('have no length where there can be no body', async () => {
    const { send } = await open(
      route('empty', [{ op: 'respond.empty', args: { status: 204 } }], 'GET'),
      route('created', [{ op: 'respond.empty', args: { status: 201 } }], 'GET'),
      route('moved', [{ op: 'respond.redirect', args: { location: '/to/{request.query.name}', status: 302 } }], 'GET'),
    );
    expect((await send('GET', '/empty')).headers).toEqual({});
    expect((await send('GET', '/created')).headers).toEqual({ 'content-length': '0' });
    expect((await send('GET', '/moved?name=a%2Fb%20c')).headers.location).toBe('/to/a%2Fb%20c');
  });

  it('other than 200 meet no condition', async () => {
    const { send } = await open(route('made', [reply({}, { status: 201, etag: 'x' })]));
    expect((await send('POST', '/made', { headers: { 'if-none-match': '"x"' } })).status).toBe(201);
    expect((await send('POST', '/made', { headers: { 'if-match': '"y"' } })).status).toBe(201);
  });
});
