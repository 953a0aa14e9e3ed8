import { describe, expect, it } from 'vitest';
import { ADMIN, ADMIN_PASSWORD, openTestRegistry } from '../support/registry.ts';
import { ask, registryOf, reply, route } from './steps.ts';

/** language.md, section 3: who is let in, before any step runs. */
describe('policies', () => {
  const SCOPES = [
    { name: 'read', actions: ['kv.get'] },
    { name: 'write', actions: ['kv.put'] },
    { name: 'all', actions: ['*'] },
  ];
  const allow = (name: string, when: object, scopes: readonly string[]) => ({
    name,
    effect: 'allow',
    when,
    require: { scopes },
  });
  const tagged = (id: string, ...tags: string[]) => ({ ...route(id, [reply('in')], 'GET'), tags });

  /** With users `ann` (read) and `bob` (write), whose passwords are their names twice. */
  async function open(policies: readonly object[], routes: readonly object[], anonymous: readonly string[] = []) {
    const registry = await openTestRegistry(
      registryOf(routes, { auth: { anonymous: { scopes: anonymous }, scopes: SCOPES, policies } }),
      { kind: 'memory' },
    );
    const as = (credentials: string) => ({
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    });
    const codeOf = async (path: string, request: object = {}) => {
      const { status, json } = await registry.send('GET', path, request);
      return status === 200 ? 200 : `${status} ${json.error.code}`;
    };
    return { ...registry, as, codeOf };
  }

  it('answer anonymous with 401 and a challenge, a known principal with 403', async () => {
    const { send, registry, codeOf, as } = await open(
      [allow('writers', { 'route.tags': ['closed'] }, ['write'])],
      [tagged('closed', 'closed'), tagged('open')],
    );
    await registry.identity.createUser({ username: 'ann', password: 'ann ann ann', scopes: ['read'] });
    expect(await codeOf('/closed')).toBe('401 UNAUTHORIZED');
    expect((await send('GET', '/closed')).headers['www-authenticate']).toBeDefined();
    expect(await codeOf('/closed', as('ann:ann ann ann'))).toBe('403 FORBIDDEN');
    expect(await codeOf('/closed', { headers: ADMIN })).toBe(200);
    // No policy speaks of it: its own steps decide.
    expect(await codeOf('/open')).toBe(200);
  });

  it('let in by any that allows; all scopes that one requires are needed, and `*` is all of them', async () => {
    const { codeOf } = await open(
      [
        allow('both', { 'route.id': ['any', 'one'] }, ['read', 'write']),
        allow('readers', { 'route.id': ['any'] }, ['read']),
        allow('everybody', { 'route.id': ['free'] }, []),
      ],
      [tagged('any'), tagged('one'), tagged('free')],
      ['read'],
    );
    expect(await codeOf('/any')).toBe(200);
    expect(await codeOf('/one')).toBe('401 UNAUTHORIZED');
    expect(await codeOf('/free')).toBe(200);
    const all = await open([allow('both', {}, ['read', 'write'])], [tagged('any')], ['all']);
    expect(await all.codeOf('/any')).toBe(200);
  });

  it('deny wins over every allow', async () => {
    const deny = { name: 'not_here', effect: 'deny', when: { 'route.tags': ['frozen'], 'principal.sub': [null] } };
    const { codeOf } = await open(
      [allow('readers', {}, ['read']), deny],
      [tagged('warm', 'other'), tagged('cold', 'other', 'frozen')],
      ['read'],
    );
    expect(await codeOf('/warm')).toBe(200);
    expect(await codeOf('/cold')).toBe('401 UNAUTHORIZED');
    // Every member of `when` must match: this one speaks of anonymous only.
    expect(await codeOf('/cold', { headers: ADMIN })).toBe(200);
  });

  it('are judged before the pipeline and before the body', async () => {
    const { registry } = await open(
      [allow('writers', {}, ['write'])],
      [route('read', [{ op: 'parse.json', args: { out: 'b' } }, reply('$b')])],
    );
    const { status, closeConnection } = await ask(registry, 'POST', '/read', { body: '{', contentLength: 10 ** 12 });
    expect([status, closeConnection]).toEqual([401, true]);
  });

  it('refuse a bad credential with 401 even where anonymous would do', async () => {
    const { codeOf, as } = await open([allow('readers', {}, ['read'])], [tagged('any')], ['read']);
    expect(await codeOf('/any')).toBe(200);
    expect(await codeOf('/any', as('admin:wrong'))).toBe('401 INVALID_CREDENTIALS');
    expect(await codeOf('/any', as(`nobody:${ADMIN_PASSWORD}`))).toBe('401 INVALID_CREDENTIALS');
    expect(await codeOf('/any', { headers: { authorization: 'Bearer nonsense' } })).toBe('401 INVALID_CREDENTIALS');
    expect(await codeOf('/any', { headers: { authorization: '' } })).toBe('401 INVALID_CREDENTIALS');
  });

  it('refuse two Authorization headers with 400, even equal ones', async () => {
    const { registry } = await open([], [tagged('any')]);
    const header = ['authorization', ADMIN.authorization] as const;
    const { status, bytes } = await ask(registry, 'GET', '/any', { headers: [header, header] });
    expect([status, JSON.parse(bytes.toString()).error.code]).toEqual([400, 'BAD_REQUEST']);
  });

  it('do not stand before 404 and 405: what is not there is not guarded', async () => {
    const { codeOf, send } = await open([allow('writers', {}, ['write'])], [tagged('any')]);
    expect(await codeOf('/nowhere')).toBe('404 ROUTE_NOT_FOUND');
    expect((await send('DELETE', '/any')).status).toBe(405);
  });
});
