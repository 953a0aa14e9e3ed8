import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Registry } from '../../src/main.ts';
import { openRawConnection, parseAnswer, request } from '../support/raw-request.ts';
import { ADMIN } from '../support/registry.ts';
import { expectUnchanged, type RegistryState, stateOf } from '../support/registry-state.ts';
import { AS_ADMIN, answerOn, BLOB, expectError, type RunningRegistry, runRegistry } from './running-registry.ts';

const MAX_BODY_BYTES = 100_000;
const NEW_BLOB = '/v1/acme/tool/2.0.0/any/blob';
const TAG = '/v1/acme/tool/tags/stable';

let running: RunningRegistry;
let inspector: Registry;
/** What must be there after every test. */
let kept: RegistryState;

beforeAll(async () => {
  running = await runRegistry({ ops: { limits: { max_request_body_bytes: MAX_BODY_BYTES } } });
  inspector = await running.open();
  await publish(BLOB, 'kept');
});

afterEach(async () => {
  await expect.poll(() => running.temporaryFiles()).toEqual([]);
  expectUnchanged(kept, await stateOf(inspector), 'afterwards');
  expect((await fetch(`${running.server.url}/health`)).status).toBe(200);
  expect(running.server.output().stderr).toBe('');
});

afterAll(async () => {
  await inspector?.close();
  await running?.remove();
});

async function publish(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(running.server.url + path, { method: 'PUT', body, headers: { ...ADMIN, ...headers } });
  expect(response.status).toBe(201);
  kept = await stateOf(inspector);
}

/** A request line with the headers that every request here has, and more; ends the headers. */
function head(line: string, ...headers: readonly string[]): string {
  const fields = ['Host: registry.test', 'Connection: close', ...headers].map((field) => `${field}\r\n`);
  return `${line} HTTP/1.1\r\n${fields.join('')}${AS_ADMIN}\r\n`;
}

async function expectRefused(data: string | Uint8Array, status: number, code: string, why?: string): Promise<void> {
  expectError(await request(running.server.port, data), status, code, why ?? data.toString().slice(0, 200));
}

describe('a path', () => {
  const segments: readonly (readonly [string, string])[] = [
    ['..', 'BAD_PATH'],
    ['.', 'BAD_PATH'],
    ['', 'BAD_PATH'],
    ['%2e%2e', 'BAD_PATH'],
    ['%2E%2e', 'BAD_PATH'],
    ['.%2e', 'BAD_PATH'],
    ['%2e', 'BAD_PATH'],
    ['..%2f..%2f..%2fetc', 'BAD_PATH'],
    ['x%2f..%2f..', 'BAD_PATH'],
    ['%2fetc', 'BAD_PATH'],
    ['..%5c..%5cetc', 'BAD_PATH'],
    ['..\\..\\etc', 'BAD_PATH'],
    ['%5c', 'BAD_PATH'],
    ['x%00', 'BAD_PATH'],
    ['%c0%ae%c0%ae', 'BAD_PATH'],
    ['%c0%af', 'BAD_PATH'],
    ['%e0%80%ae', 'BAD_PATH'],
    ['%ed%a0%80', 'BAD_PATH'],
    ['%ff', 'BAD_PATH'],
    ['%', 'BAD_PATH'],
    ['%2', 'BAD_PATH'],
    ['%zz', 'BAD_PATH'],
    ['%u002e', 'BAD_PATH'],
    ['%252e%252e', 'ENTITY_INVALID'],
    ['%25%32%65', 'ENTITY_INVALID'],
    ['a%2fb', 'ENTITY_INVALID'],
    ['..;', 'ENTITY_INVALID'],
    ['...', 'ENTITY_INVALID'],
    ['%ef%bc%8e%ef%bc%8e', 'ENTITY_INVALID'],
    ['%e2%80%a5', 'ENTITY_INVALID'],
    ['%0d%0ax:y', 'ENTITY_INVALID'],
    ['__proto__', 'ENTITY_INVALID'],
    ['~', 'ENTITY_INVALID'],
  ];

  test.each(segments)('with the segment "%s" is refused wherever it stands', async (segment, code) => {
    const paths = [
      `/v1/${segment}/tool/1.0.0/any/blob`,
      `/v1/acme/${segment}/1.0.0/any/blob`,
      `/v1/acme/tool/${segment}/any/blob`,
      `/v1/acme/tool/1.0.0/${segment}/blob`,
    ];
    for (const path of paths) {
      await expectRefused(head(`GET ${path}`), 400, code);
      await expectRefused(`${head(`PUT ${path}`, 'Content-Length: 1')}x`, 400, code);
    }
    if (segment !== '') await expectRefused(head(`DELETE /v1/acme/tool/tags/${segment}`), 400, code);
    if (code === 'BAD_PATH') await expectRefused(head(`GET /${segment}/${segment}/etc/passwd`), 400, code);
  });

  test('with bytes that are no text never gets to a route', async () => {
    const before = Buffer.from('GET /v1/acme/');
    const after = Buffer.from(`/latest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    for (const bytes of [[0], [0xc0, 0xae], [0xff], [0xe2, 0x80, 0xa5], [0x0d], [0x7f]]) {
      const answer = await request(running.server.port, Buffer.concat([before, Buffer.from(bytes), after]));
      expect(['BAD_PATH', 'BAD_REQUEST']).toContain(JSON.parse(answer.body.toString()).error.code);
      expect(answer.status, String(bytes)).toBe(400);
    }
  });

  test('of any other kind than a path is refused', async () => {
    await expectRefused(head('GET *'), 400, 'BAD_REQUEST');
    await expectRefused(head('GET http://other.test/v1/../etc'), 400, 'BAD_PATH');
    await expectRefused(head('GET /v1/acme/tool/latest#part'), 400, 'BAD_PATH');
    await expectRefused(head(`GET /v1/${'a'.repeat(9000)}`), 414, 'URI_TOO_LONG');
    await expectRefused(head(`GET ${'/a'.repeat(300)}`), 414, 'URI_TOO_LONG');
    await expectRefused(head(`GET /v1/packages?prefix=${'a'.repeat(40_000)}`), 431, 'BAD_REQUEST');
  });
});

describe('a body', () => {
  test.each([
    ['nothing of it was sent', ''],
    ['all of it is on its way', 'x'.repeat(MAX_BODY_BYTES + 1)],
  ])('that is declared too large is refused, when %s', async (_name, body) => {
    const connection = await openRawConnection(running.server.port);
    connection.send(head(`PUT ${NEW_BLOB}`, `Content-Length: ${MAX_BODY_BYTES + 1}`) + body);
    expectError(await answerOn(connection), 413, 'BODY_TOO_LARGE', 'declared');
    connection.close();
  });

  test('that grows too large is refused, and what it hides is not taken for a request', async () => {
    const hidden = head(`DELETE ${BLOB}`);
    const chunk = `${hidden}${'x'.repeat(60_000)}`;
    const chunked = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    const connection = await openRawConnection(running.server.port);
    connection.send(head(`PUT ${NEW_BLOB}`, 'Transfer-Encoding: chunked') + chunked + chunked + chunked);
    const answer = await answerOn(connection);
    expectError(answer, 413, 'BODY_TOO_LARGE', 'chunked');
    expect(answer.headers.connection).toBe('close');
    connection.send(`${chunked}0\r\n\r\n${hidden}`);
    const all = await connection.ended();
    expect(all.toString('latin1').match(/HTTP\/1\.1/g)).toEqual(['HTTP/1.1']);
  });

  test('of just the largest size is taken', async () => {
    const path = '/v1/acme/tool/1.1.0/any/blob';
    await publish(path, 'x'.repeat(MAX_BODY_BYTES));
    expect((await (await fetch(running.server.url + path)).text()).length).toBe(MAX_BODY_BYTES);
  });

  test.each([
    ['a declared length', head(`PUT ${NEW_BLOB}`, 'Content-Length: 50000') + 'x'.repeat(20_000)],
    ['chunks', `${head(`PUT ${NEW_BLOB}`, 'Transfer-Encoding: chunked')}5000\r\n${'x'.repeat(0x5000)}\r\n100\r\nxyz`],
    ['a length but no bytes', head(`PUT ${NEW_BLOB}`, 'Content-Length: 50000')],
    ['half of its JSON', `${head(`PUT ${TAG}`, 'Content-Length: 100')}{"target_version"`],
  ])('with %s whose connection breaks off leaves nothing', async (_name, data) => {
    for (const end of ['FIN', 'RST'] as const) {
      const connection = await openRawConnection(running.server.port);
      connection.send(data);
      // The server has begun to read: the health of the next connection is answered after that.
      await fetch(`${running.server.url}/health`);
      if (end === 'FIN') connection.socket.end();
      else connection.socket.resetAndDestroy();
      const answer = await connection.ended();
      if (answer.length > 0) expect(parseAnswer(answer).status).toBe(400);
    }
  });

  test('that is announced in two ways, or in none that makes sense, is refused', async () => {
    const lines: readonly (readonly string[])[] = [
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
      ['Content-Length: 4', 'Content-Length: 5'],
      ['Content-Length: 4', 'Content-Length: 4'],
      ['Content-Length: -4'],
      ['Content-Length: +4'],
      ['Content-Length: 4x'],
      ['Content-Length: 0x4'],
      ['Content-Length: 4, 4'],
      ['Content-Length: 99999999999999999999999'],
      ['Transfer-Encoding: gzip, chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Transfer-Encoding: xchunked'],
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding : chunked'],
      ['Transfer-Encoding:\u000bchunked'],
    ];
    for (const headers of lines) {
      await expectRefused(`${head(`PUT ${NEW_BLOB}`, ...headers)}4\r\nabcd\r\n0\r\n\r\n`, 400, 'BAD_REQUEST');
    }
    for (const chunks of [
      'zz\r\nabcd\r\n0\r\n\r\n',
      '4\r\nabcdefgh\r\n0\r\n\r\n',
      '-4\r\nabcd\r\n0\r\n\r\n',
      'fffffffffffffffff\r\nabcd',
    ]) {
      const answer = await request(running.server.port, head(`PUT ${NEW_BLOB}`, 'Transfer-Encoding: chunked') + chunks);
      expect({ status: answer.status, chunks }).toEqual({ status: 400, chunks });
    }
  });

  test('whose announcement comes after many headers is not overlooked', async () => {
    const many = Array.from({ length: 800 }, () => 'a: b');
    const path = '/v1/acme/tool/1.2.0/any/blob';
    const answer = await request(
      running.server.port,
      `${head(`PUT ${path}`, ...many, 'Transfer-Encoding: chunked')}4\r\nabcd\r\n0\r\n\r\n`,
    );
    expect(JSON.parse(answer.body.toString())).toMatchObject({ ok: true, size: 4 });
    kept = await stateOf(inspector);
  });

  test('that is compressed is kept as it is', async () => {
    const path = '/v1/acme/tool/1.3.0/any/blob';
    const packed = Uint8Array.from(gzipSync('content'));
    await publish(path, packed, { 'content-encoding': 'gzip', 'content-type': 'application/gzip' });
    const answer = await request(running.server.port, head(`GET ${path}`, 'Accept-Encoding: gzip'));
    expect(answer.headers).not.toHaveProperty('content-encoding');
    expect(answer.body.equals(packed)).toBe(true);
  });

  test('that is not the JSON that is asked for is refused', async () => {
    const put = (body: Uint8Array) =>
      Buffer.concat([Buffer.from(head(`PUT ${TAG}`, `Content-Length: ${body.length}`)), body]);
    const good = '{"target_version":"1.0.0","target_variant":"any"}';
    await expectRefused(put(Buffer.from('{"target_version":')), 400, 'JSON_INVALID');
    await expectRefused(put(Buffer.from(good.replace('any', 'an\xff'), 'latin1')), 400, 'JSON_INVALID');
    await expectRefused(put(Buffer.from(good, 'utf16le')), 400, 'JSON_INVALID');
    await expectRefused(put(gzipSync(good)), 400, 'JSON_INVALID');
    await expectRefused(put(Buffer.from('[1]')), 400, 'SCHEMA_INVALID');
    await expectRefused(put(Buffer.from('['.repeat(90_000))), 400, 'JSON_TOO_DEEP');
    await expectRefused(put(Buffer.from('{"a":'.repeat(15_000))), 400, 'JSON_TOO_DEEP');
  });

  test('with other bytes than its checksum says is refused', async () => {
    const checksum = (value: string) =>
      `${head(`PUT ${NEW_BLOB}`, 'Content-Length: 4', `X-Checksum-Sha256: ${value}`)}abcd`;
    await expectRefused(checksum('0'.repeat(64)), 400, 'DIGEST_MISMATCH');
    await expectRefused(checksum('0'.repeat(63)), 400, 'HEADER_INVALID');
    await expectRefused(checksum(`${'0'.repeat(64)}\r\nX-Checksum-Sha256: ${'1'.repeat(64)}`), 400, 'HEADER_INVALID');
  });
});

describe('a request', () => {
  test('with an unknown method is refused', async () => {
    for (const method of ['POST', 'PATCH', 'PROPFIND', 'OPTIONS', 'TRACE', 'PURGE', 'QUERY']) {
      const answer = await request(running.server.port, head(`${method} ${BLOB}`));
      expectError(answer, 405, 'METHOD_NOT_ALLOWED', method);
      expect(answer.headers.allow).toBe('DELETE, GET, HEAD, PUT');
    }
    for (const method of ['BREW', 'get', 'G\u00cbT', '__proto__', 'PUT\t']) {
      await expectRefused(Buffer.from(head(`${method} ${BLOB}`), 'latin1'), 400, 'BAD_REQUEST');
    }
    await expectRefused(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, 400, 'BAD_REQUEST');
    await expectRefused(head('CONNECT registry.test:80'), 400, 'BAD_REQUEST');
  });

  test('with credentials that are none, or twice, is refused', async () => {
    const get = (...fields: readonly string[]) =>
      `GET ${BLOB} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
    const good = AS_ADMIN.trim();
    await expectRefused(get(good, good), 400, 'BAD_REQUEST');
    await expectRefused(get(good, 'authorization: Bearer x'), 400, 'BAD_REQUEST');
    await expectRefused(
      get(good, ...Array.from({ length: 800 }, () => 'a: b'), 'Authorization: Bearer x'),
      400,
      'BAD_REQUEST',
    );
    const strange = [
      '',
      'Basic',
      'Basic !!!!',
      'Basic bm9jb2xvbg==',
      'Basic OmE=',
      'Bearer',
      'Bearer x',
      'Digest a="b"',
      `Bearer ${'x'.repeat(9000)}`,
    ];
    for (const value of strange) {
      const answer = await request(running.server.port, get(`Authorization: ${value}`));
      expectError(answer, 401, 'INVALID_CREDENTIALS', value);
      expect(answer.headers['www-authenticate']).toBeDefined();
    }
  });

  test('that is not well-formed HTTP is refused', async () => {
    for (const data of [
      'nonsense\r\n\r\n',
      `GET ${BLOB}\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nConnection: close\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nHost: a/../b\r\nConnection: close\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n`,
      `GET ${BLOB} HTTP/1.1\nHost: a\n\n`,
      `GET ${BLOB} HTTP/9.9\r\nHost: a\r\n\r\n`,
    ]) {
      await expectRefused(data, 400, 'BAD_REQUEST', JSON.stringify(data));
    }
    await expectRefused(head(`GET ${BLOB}`, `X: ${'x'.repeat(40_000)}`), 431, 'BAD_REQUEST', 'a long header');
    await expectRefused(
      head(`GET ${BLOB}`, ...Array.from({ length: 2500 }, () => 'a: b')),
      431,
      'BAD_REQUEST',
      'many headers',
    );
  });

  test('for a part that is not there is refused', async () => {
    const answer = await request(running.server.port, head(`GET ${BLOB}`, 'Range: bytes=4-'));
    expectError(answer, 416, 'RANGE_NOT_SATISFIABLE', 'range');
    expect(answer.headers['content-range']).toBe('bytes */4');
  });
});
