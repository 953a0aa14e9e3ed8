import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTestRegistry, type TestRegistryOptions, temporaryFolder } from '../support/registry.ts';
import { ask, body, fail, registryOf, reply, route, set } from './steps.ts';

/** language.md, section 3: `catch` and error tables. */
describe('catch', () => {
  async function run(steps: readonly unknown[], options: { target?: string; log?: unknown[] } = {}) {
    const { send } = await openTestRegistry(registryOf([route('run', steps, 'POST', '/run')]), {
      kind: 'memory',
      log: { error: (entry) => options.log?.push(entry), warn: () => {} },
    });
    return send('POST', options.target ?? '/run', { body: '{' });
  }
  const seen = { code: '$error.code', message: '$error.message', details: '$error.details', step: '$error.step' };

  it('finds its steps by code before `*`, lets them see the error, and goes on after the step', async () => {
    const clauses = { '*': [set({ how: 'star' })], JSON_INVALID: [set({ how: 'code', error_seen: { ...seen } })] };
    const { json } = await run([
      { ...body(), label: 'read it', catch: clauses },
      reply({ how: '$how', body: '$body', seen: '$error_seen' }),
    ]);
    expect(json).toMatchObject({ how: 'code', body: null });
    expect(json.seen).toMatchObject({ code: 'JSON_INVALID', step: 'read it', details: { line: 1 } });
  });

  it('answers `*` for any other code, also those that only the definition knows', async () => {
    const teapot = {
      ...fail('TEAPOT', 418, { message: 'short and stout' }),
      catch: { '*': [set({ e: { ...seen } })] },
    };
    const { json } = await run([teapot, reply('$e')]);
    expect(json).toMatchObject({ code: 'TEAPOT', message: 'short and stout', details: null });
  });

  it('lets other codes pass, names the innermost step, and may respond', async () => {
    const log: unknown[] = [];
    const passing = await run(
      [{ ...fail('A', 500), label: 'the place', catch: { B: [reply('no')] } }, reply('never')],
      { log },
    );
    expect([passing.status, passing.json.error.code]).toEqual([500, 'A']);
    expect(log).toMatchObject([{ code: 'A', step: 'the place', route: 'run' }]);
    const { json } = await run([
      { ...fail('A', 400), catch: { A: [reply({ caught: '$error.code' })] } },
      reply('never'),
    ]);
    expect(json).toEqual({ caught: 'A' });
  });

  it('catches what goes wrong in nested steps, in calls and in its own clauses', async () => {
    const nested = {
      op: 'flow.if',
      args: { test: { equals: ['$request.method', 'POST'] }, then: [fail('DEEP', 400)] },
    };
    const clause = [
      { ...fail('OUTER', 409), catch: { OUTER: [set({ inner: '$error.code' })] } },
      set({ outer: '$error.code' }),
    ];
    const { json } = await run([{ ...nested, catch: { DEEP: clause } }, reply({ inner: '$inner', outer: '$outer' })]);
    // Each clause has its own `error`: after the inner one the outer is there again.
    expect(json).toEqual({ inner: 'OUTER', outer: 'DEEP' });
  });

  it('takes an error from a clause out of the step', async () => {
    const { status, json } = await run([{ ...fail('A', 400), catch: { A: [fail('B', 409)] } }, reply('never')]);
    expect([status, json.error.code]).toEqual([409, 'B']);
  });

  it('does not look at a step that `when` left out', async () => {
    const skipped = {
      ...fail('A', 400),
      when: { equals: ['$request.method', 'GET'] },
      catch: { A: [reply('caught')] },
    };
    expect((await run([skipped, reply('on')])).json).toBe('on');
  });
});

describe('error tables', () => {
  const PACKS = {
    outer: {
      name: 'outer',
      mount: '/outer',
      errors: {
        ROUTE_NOT_FOUND: { status: 410, headers: { 'X-Table': 'outer' }, body: { gone: '{request.path}' } },
        '*': {
          headers: { 'X-Code': '{error.code}', 'X-Two': ['a', 'b'] },
          body: { outer: '$error.code', says: '{error.message}' },
        },
        LOCKED: { status: 423, message: '{item} is locked' },
        SEALED: { code: 'LOCKED', message: '{item} is sealed' },
        SHUT: { code: 'CONFLICT', status: 409, message: '{item} is shut' },
        TEAPOT: { headers: { 'Content-Type': 'text/plain' }, body: "{% 'teapot: ' & $uppercase(error.message) %}" },
      },
      auth_challenge: ['Bearer realm="{request.base_url}/outer",error="{error.code}"', 'Basic realm="outer"'],
    },
    inner: { name: 'inner', mount: '/outer/inner', errors: { NOT_FOUND: { body: { inner: '{error.details.what}' } } } },
    broken: { name: 'broken', mount: '/broken', errors: { '*': { body: 'a{error.details}b' } } },
  };
  const ROUTES: Record<string, readonly object[]> = {
    outer: [
      route('get', [reply('fine')], 'GET', '/thing'),
      route(
        'json',
        [{ op: 'parse.json', args: { out: '_b', media_types: ['application/json'] } }, reply('fine')],
        'POST',
        '/json',
      ),
      route('teapot', [fail('TEAPOT', 418, { message: 'stout' })], 'GET', '/teapot'),
      { ...route('closed', [reply('fine')], 'GET', '/closed'), tags: ['closed'] },
      route('crash', [fail('STORE_FAILURE', 503, { message: 'secret', details: { secret: 1 } })], 'GET', '/crash'),
      ...['LOCKED', 'SEALED', 'SHUT'].map((name) =>
        route(name.toLowerCase(), [set({ item: 'the box' }), fail(name)], 'GET', `/${name}`),
      ),
      route('own', [set({ item: 'the box' }), fail('SHUT', 400, { message: 'as said here' })], 'GET', '/own'),
      route(
        'caught',
        [set({ item: 'the box' }), { ...fail('SEALED'), catch: { LOCKED: [reply('$error.message')] } }],
        'GET',
        '/caught',
      ),
      route('bytes', [{ op: 'respond.bytes', args: { body: 'abc' } }], 'GET', '/bytes'),
    ],
    inner: [
      route('absent', [fail('NOT_FOUND', 404, { details: { what: 'it' } })], 'GET', '/absent'),
      route('other', [fail('OTHER', 409)], 'GET', '/other'),
    ],
    broken: [route('boom', [fail('ANY', 400)], 'GET', '/boom')],
  };

  /** Packs as folders; `own` is the table of schema.json. */
  async function open(own: object = {}, options: Partial<TestRegistryOptions> = {}) {
    const folder = await temporaryFolder();
    const schema = registryOf([], {
      limits: { max_request_body_bytes: 100 },
      packs: Object.keys(PACKS).map((name) => `routes/${name}`),
      errors: own,
      auth: {
        scopes: [{ name: 'write', actions: ['*'] }],
        policies: [
          { name: 'closed', effect: 'allow', when: { 'route.tags': ['closed'] }, require: { scopes: ['write'] } },
        ],
      },
    });
    await writeFile(join(folder, 'schema.json'), JSON.stringify({ ...schema, api: undefined }));
    for (const [name, pack] of Object.entries(PACKS)) {
      await mkdir(join(folder, 'routes', name), { recursive: true });
      await writeFile(join(folder, 'routes', name, 'pack.json'), JSON.stringify(pack));
      for (const one of ROUTES[name] ?? []) {
        await writeFile(join(folder, 'routes', name, `${(one as { id: string }).id}.json`), JSON.stringify(one));
      }
    }
    return openTestRegistry(folder, { kind: 'memory', ...options });
  }

  it('has names for errors that steps raise, with what they say in common, and the headers and body of `*`', async () => {
    const { send } = await open();
    const answers = [];
    for (const path of ['LOCKED', 'SEALED', 'SHUT', 'own']) {
      const { status, headers, json } = await send('GET', `/outer/${path}`);
      answers.push([status, headers['x-code'], json]);
    }
    expect(answers).toEqual([
      [423, 'LOCKED', { outer: 'LOCKED', says: 'the box is locked' }],
      [423, 'LOCKED', { outer: 'LOCKED', says: 'the box is sealed' }],
      [409, 'CONFLICT', { outer: 'CONFLICT', says: 'the box is shut' }],
      [400, 'CONFLICT', { outer: 'CONFLICT', says: 'as said here' }],
    ]);
    expect((await send('GET', '/outer/caught')).json).toBe('the box is sealed');
  });

  it('gives status, headers and body by code, and `*` for the rest', async () => {
    const { send, registry } = await open();
    const gone = await send('GET', '/outer/no%20thing');
    expect([gone.status, gone.headers['x-table'], gone.json]).toEqual([410, 'outer', { gone: '/outer/no thing' }]);
    const rest = await ask(registry, 'DELETE', '/outer/thing');
    expect([rest.status, rest.values('x-code'), rest.values('x-two')]).toEqual([
      405,
      ['METHOD_NOT_ALLOWED'],
      ['a', 'b'],
    ]);
    expect(JSON.parse(rest.bytes.toString())).toMatchObject({ outer: 'METHOD_NOT_ALLOWED' });
    const teapot = await send('GET', '/outer/teapot');
    expect([teapot.status, teapot.headers['content-type'], teapot.text]).toEqual([418, 'text/plain', 'teapot: STOUT']);
  });

  it('covers what happens before and beside a pipeline: 404, 405 with Allow, 401, 413, 415, 416, 500', async () => {
    const { send, registry } = await open();
    const code = async (method: string, path: string, asked: object = {}) => {
      const { status, bytes } = await ask(registry, method, path, asked);
      return [status, JSON.parse(bytes.toString()).outer];
    };
    expect((await send('PUT', '/outer/thing')).headers.allow).toBe('GET, HEAD');
    expect(await code('GET', '/outer/closed')).toEqual([401, 'UNAUTHORIZED']);
    expect(await code('POST', '/outer/json', { body: 'x', contentLength: 101 })).toEqual([413, 'BODY_TOO_LARGE']);
    expect(await code('POST', '/outer/json', { body: '{}', contentLength: 2 })).toEqual([
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ]);
    expect(await code('GET', '/outer/bytes', { headers: [['range', 'bytes=9-']] })).toEqual([
      416,
      'RANGE_NOT_SATISFIABLE',
    ]);
    expect(await code('GET', '/outer/crash')).toEqual([503, 'STORE_FAILURE']);
    expect(await code('GET', '/outer/%zz')).toEqual([400, 'BAD_PATH']);
  });

  it('challenges with every value that the pack names, templates filled in', async () => {
    const { registry } = await open();
    const { values } = await ask(registry, 'GET', '/outer/closed');
    expect(values('www-authenticate')).toEqual([
      'Bearer realm="http://registry.test/outer",error="UNAUTHORIZED"',
      'Basic realm="outer"',
    ]);
  });

  it('is that of the longest mount; what it lacks comes from schema.json, else from the engine', async () => {
    const { send } = await open();
    expect((await send('GET', '/outer/inner/absent')).json).toEqual({ inner: 'it' });
    const { status, json } = await send('GET', '/outer/inner/other');
    expect([status, Object.keys(json.error)]).toEqual([409, ['code', 'message', 'request_id']]);
    expect((await send('GET', '/outerinner')).json.error.code).toBe('ROUTE_NOT_FOUND');
    const common = await open({ '*': { body: { common: '$error.code' } } });
    expect((await common.send('GET', '/outer/inner/other')).json).toEqual({ common: 'OTHER' });
    expect((await common.send('GET', '/elsewhere')).json).toEqual({ common: 'ROUTE_NOT_FOUND' });
    expect((await common.send('GET', '/outer/inner/absent')).json).toEqual({ inner: 'it' });
  });

  it('shows of a 5xx a code and an incident id only, and logs the cause', async () => {
    const log: { request_id?: string; err?: Error }[] = [];
    const logged = { log: { error: (entry: object) => log.push(entry), warn: () => {} } };
    const { send } = await open({}, logged);
    const { text } = await send('GET', '/outer/crash');
    expect(text).not.toContain('secret');
    expect(log[0]?.err?.message).toBe('secret');
    const plain = await openTestRegistry(
      registryOf([route('crash', [fail('MINE', 500, { details: { secret: 1 } })], 'GET')]),
      {
        kind: 'memory',
        ...logged,
      },
    );
    const { json } = await plain.send('GET', '/crash');
    expect(Object.keys(json.error)).toEqual(['code', 'message', 'request_id']);
    expect(json.error.request_id).toBe(log[1]?.request_id);
  });

  it('logs as the cause of a 5xx what a clause had caught before', async () => {
    const log: { code?: string; err?: Error }[] = [];
    const inner = fail('INNER', 502, { message: 'the cable is cut' });
    const caught = { ...inner, catch: { '*': [set({ failed: '$error.code' })] } };
    const { send } = await openTestRegistry(
      registryOf([route('later', [caught, fail('OUTER', 502)], 'GET'), route('again', [inner], 'GET')]),
      { kind: 'memory', log: { error: (entry: object) => log.push(entry), warn: () => {} } },
    );
    expect((await send('GET', '/later')).text).not.toContain('cable');
    await send('GET', '/again');
    expect(log.map(({ code, err }) => [code, (err?.cause as Error | undefined)?.message])).toEqual([
      ['OUTER', 'the cable is cut'],
      ['INNER', undefined],
    ]);
  });

  it('shows the details of a 4xx', async () => {
    const { send } = await openTestRegistry(
      registryOf([route('no', [fail('NO', 409, { message: 'no', details: { why: ['a'] } })], 'GET')]),
      { kind: 'memory' },
    );
    expect((await send('GET', '/no')).json.error).toMatchObject({ code: 'NO', message: 'no', details: { why: ['a'] } });
  });

  it('gives the engine`s own answer when the table itself fails, that of schema.json too', async () => {
    const warnings: string[] = [];
    const log = { error: () => {}, warn: (_entry: object, message: string) => warnings.push(message) };
    const failing = { '*': { headers: { 'X-Bad': 'a{error.details}b' }, body: null } };
    const { send } = await open(failing, { log });
    for (const path of ['/broken/boom', '/elsewhere']) {
      const { status, json } = await send('GET', path);
      expect([status, typeof json.error.request_id]).toEqual([path === '/elsewhere' ? 404 : 400, 'string']);
    }
    expect(warnings).toEqual(['An error table failed', 'An error table failed']);
  });

  it('carries the headers that the error brings', async () => {
    const retry = fail('BUSY', 503, { headers: { 'Retry-After': '7' } });
    const { send } = await openTestRegistry(registryOf([route('busy', [retry], 'GET')]), { kind: 'memory' });
    expect((await send('GET', '/busy')).headers['retry-after']).toBe('7');
  });
});
