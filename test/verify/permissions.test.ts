import { describe, expect, test } from 'vitest';
import { vocabulary } from '../../src/main.ts';
import type { Trial } from '../../src/trial/trial.ts';
import { verifyPermissions } from '../../src/verify/permissions.ts';
import { notes, trialOf } from './notes-trial.ts';

const words = await vocabulary();

async function verify(trial: Trial) {
  const { section, permissions } = await verifyPermissions(trial, words, []);
  const named = (outcome: string) =>
    Object.fromEntries(
      section.checks.filter((check) => check.outcome === outcome).map((check) => [check.name, check.details]),
    );
  const rows = Object.fromEntries(permissions.rows.map((row) => [row.route, row.permissions]));
  return { failed: named('failed'), notes: named('note'), rows };
}

const ANSWERS = 'routes answer each principal as policies and scopes say';
const REACH = 'whoever may use a route that writes holds a scope for each of its writes';
const GUARDED = 'a policy, or a scope or access that its steps require, guards every route that writes';
const WRITE = 1;

/** A second route that writes, which a policy speaks of. */
function withTwoWriters() {
  const definition = notes();
  const { api } = definition;
  api.routes.push({ ...structuredClone(api.routes[WRITE]), id: 'put_note', path: '/put/{name}' });
  return definition;
}

describe('permissions', () => {
  test('of a registry that is right', async () => {
    const { failed, notes: found, rows } = await verify(await trialOf(notes()));
    expect(failed).toEqual({});
    expect(found).toEqual({});
    expect(rows).toEqual({
      read_note: ['yes', 'yes', '403', 'yes'],
      write_note: ['401', '403', 'yes', 'yes'],
      relay_note: ['401', '403', 'yes', 'yes'],
    });
  });

  test('a route that writes and that no policy speaks of is wrong where policies speak of others', async () => {
    const definition = withTwoWriters();
    definition.api.routes[WRITE].tags = [];
    const { failed, rows } = await verify(await trialOf(definition));
    expect(failed).toEqual({
      [GUARDED]: ['no policy speaks of write_note (emit.event, kv.put), as one does of other routes that write'],
    });
    expect(rows.write_note).toEqual(['401', '403', 'yes', 'yes']);
  });

  test('steps may guard routes that write where no policy speaks of any', async () => {
    const definition = notes();
    definition.api.routes[WRITE].tags = [];
    expect((await verify(await trialOf(definition))).failed).toEqual({});
  });

  test('a route that writes for everybody is wrong three times over', async () => {
    const definition = notes();
    definition.api.routes[WRITE].tags = [];
    definition.api.routes[WRITE].pipeline.shift();
    const { failed, notes: found, rows } = await verify(await trialOf(definition));
    expect(failed).toEqual({
      [GUARDED]: ['nothing guards write_note (emit.event, kv.put)'],
      [REACH]: [
        'write_note lets anonymous do emit.event, kv.put, which no scope of theirs lists',
        'write_note lets read do emit.event, kv.put, which no scope of theirs lists',
      ],
    });
    expect(found).toEqual({
      'neither a policy nor a required scope or access: open to everybody': ['write_note'],
      'anonymous may write': ['write_note'],
    });
    expect(rows.write_note).toEqual(['yes', 'yes', 'yes', 'yes']);
  });

  test('rules over names may guard a route that writes, and hide what it is about', async () => {
    const definition = notes();
    const { pipeline } = definition.api.routes[WRITE];
    definition.api.routes[WRITE].tags = [];
    definition.access = { note: [{ names: '**', hidden: true, read: ['$authenticated'], write: ['scope:write'] }] };
    const ask = { op: 'auth.require_access', args: { access: 'note', name: '$name', action: 'write' } };
    definition.ops.allowed.push(ask.op);
    pipeline[0] = ask;
    const alone = await verify(await trialOf(definition));
    expect(alone.failed).toEqual({});
    expect(alone.notes).toEqual({});
    expect(alone.rows.write_note).toEqual(['depends', 'depends', 'depends', 'depends']);
    // Asked before the scopes, they hide from anonymous what the scopes would refuse.
    pipeline.splice(1, 0, { op: 'auth.require_scopes', args: { scopes: ['write'] } });
    const both = await verify(await trialOf(definition));
    expect(both.failed).toEqual({});
    expect(both.rows.write_note).toEqual(['401', '403', 'depends', 'depends']);
  });

  test('a scope that lets its holders write without listing what they do is wrong', async () => {
    const definition = notes();
    definition.auth.scopes[1].actions = ['kv.get', 'kv.put', 'proxy.fetch'];
    const { failed } = await verify(await trialOf(definition));
    expect(failed).toEqual({ [REACH]: ['write_note lets write do emit.event, which no scope of theirs lists'] });
  });

  test('a route that looks at the request before it asks who is there is wrong', async () => {
    const definition = notes();
    definition.auth.policies = [];
    const { pipeline } = definition.api.routes[WRITE];
    pipeline.splice(1, 0, pipeline.shift());
    const { failed } = await verify(await trialOf(definition));
    expect(failed).toEqual({
      [ANSWERS]: [
        'write_note as anonymous: answers 400 where 401 is right',
        'write_note as read: answers 400 where 403 is right',
      ],
    });
  });

  test('a route that writes and then refuses is wrong', async () => {
    const definition = notes();
    definition.auth.policies = [];
    const { pipeline } = definition.api.routes[WRITE];
    pipeline.splice(0, 2);
    pipeline[1].args.value.text = 'constant';
    pipeline.splice(-1, 0, { op: 'auth.require_scopes', args: { scopes: ['write'] } });
    const { failed } = await verify(await trialOf(definition));
    expect(failed).toEqual({
      [ANSWERS]: [
        'write_note as anonymous: is refused with 401, and writes all the same',
        'write_note as read: is refused with 403, and writes all the same',
      ],
    });
  });

  test('an engine that lets in whom the definition does not, or the reverse, is found out', async () => {
    const lax = notes();
    lax.auth.policies = [];
    lax.api.routes[WRITE].pipeline.shift();
    const strict = await trialOf(notes());
    const loose = await trialOf(lax);
    expect((await verify({ ...loose, definition: strict.definition })).failed[ANSWERS]).toContain(
      'write_note as anonymous: answers 400 where 401 is right',
    );
    expect((await verify({ ...strict, definition: loose.definition })).failed[ANSWERS]).toContain(
      'write_note as read: answers 403, though nothing says that they may not',
    );
  });

  test('steps that refuse under conditions are told apart', async () => {
    const definition = notes();
    definition.api.routes[0].pipeline.splice(1, 0, {
      op: 'respond.error',
      args: { status: 403, code: 'FORBIDDEN', message: 'Not yours' },
      when: { not_equals: ['$principal.sub', '$name'] },
    });
    const { failed, rows } = await verify(await trialOf(definition));
    expect(failed).toEqual({});
    expect(rows.read_note).toEqual(['depends', 'depends', '403', 'depends']);
  });

  test('denying policies and conditions on the principal are heeded', async () => {
    const definition = notes();
    definition.auth.policies.push({
      name: 'not_that_one',
      effect: 'deny',
      when: { 'route.id': ['read_note'], 'principal.sub': ['verify-read'] },
    });
    const { failed, rows } = await verify(await trialOf(definition));
    expect(failed).toEqual({});
    expect(rows.read_note).toEqual(['yes', '403', '403', 'yes']);
  });

  test('a path that no value fits is left to a test', async () => {
    const definition = notes();
    definition.api.routes[0].path = '/notes/{name:x[0-9]{7}}';
    const { notes: found, rows } = await verify(await trialOf(definition));
    expect(found['not asked, as no request could be made up']).toEqual(['read_note: give it a test']);
    expect(rows.read_note).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
  });
});
