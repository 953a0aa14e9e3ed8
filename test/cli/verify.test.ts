import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verify } from '../../src/cli/verify.ts';
import { ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BROKEN_TEXT, NOTES } from './definitions.ts';

const TEST = {
  name: 'a note is kept',
  request: {
    method: 'PUT',
    path: '/notes/a',
    principal: { sub: 'ada', scopes: ['write'] },
    body: { json: { text: 'hi' } },
  },
  response: { status: 201 },
};

function registryWith(definition: unknown, test: object = TEST): string {
  const folder = join(temporaryFolder(), 'registry');
  mkdirSync(folder);
  writeFileSync(join(folder, 'schema.json'), typeof definition === 'string' ? definition : JSON.stringify(definition));
  writeFileSync(join(folder, 'notes.test.json'), JSON.stringify({ tests: [test] }));
  return folder;
}

/** In this process; what the program itself does of it is shown once. */
async function entrepot(...args: readonly string[]) {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const code = await verify.run(args, { print, complain: () => {}, env: {}, colours: false });
  return { code, stdout: `${lines.join('\n')}\n` };
}

describe('entrepot verify', { timeout: 60_000 }, () => {
  test('prints what holds and who may do what, and exits with 0', async () => {
    const { code, stdout, stderr } = await runProgram(
      join(ROOT, 'bin/entrepot'),
      ['verify', registryWith(NOTES), '--store', 'memory'],
      {
        cwd: ROOT,
      },
    );
    for (const title of ['Operations', 'Routes', 'Storage', 'Who may do what', 'Events']) {
      expect(stdout).toMatch(new RegExp(`^${title}$`, 'm'));
    }
    expect(stdout).toMatch(/^ {2}✓ the operations' examples hold on memory \(\d+ examples\)$/m);
    expect(stdout).toMatch(/^ {6}route +anonymous +read +write +admin$/m);
    expect(stdout).toMatch(/^ {6}write_note +401 +403 +yes +yes$/m);
    expect(stdout).toMatch(/^ {2}· routes without a test\n {6}read_note\n {6}relay_note$/m);
    expect(stdout).toMatch(/^This registry does what it says: \d+ checks held, 0 failed, \d+ notes$/m);
    expect(stdout).not.toContain('\u001b');
    expect(stderr).toMatch(/^… asking each route as each principal$/m);
    expect(code).toBe(0);
  });

  test('tells what is wrong, and exits with 1', async () => {
    const definition = structuredClone(NOTES);
    const route = definition.api.routes[1]!;
    route.tags = [];
    route.pipeline.shift();
    const { code, stdout } = await entrepot(
      registryWith(definition, { ...TEST, response: { status: 200 } }),
      '--store',
      'memory',
    );
    expect(stdout).toMatch(
      /^ {2}✗ a policy, or a scope .* guards every route that writes\n {6}nothing guards write_note \(emit\.event, kv\.put\)$/m,
    );
    expect(stdout).toMatch(/^ {6}notes\.test\.json:1 a note is kept: status: 201 \(see "entrepot test"\)$/m);
    expect(stdout).toMatch(/^This registry is wrong: \d+ checks held, 3 failed, /m);
    expect(code).toBe(1);
  });

  test('prints the report as JSON', async () => {
    const { code, stdout } = await entrepot(registryWith(NOTES), '--store', 'memory', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      sections: [{ id: 'operations' }, { id: 'routes' }, { id: 'storage' }, { id: 'auth' }, { id: 'events' }],
      permissions: { principals: ['anonymous', 'read', 'write', 'admin'] },
    });
    expect(code).toBe(0);
  });

  test('tells that stores do not open', async () => {
    const { entities: _, storage: __, indexes: ___, ...rest } = NOTES;
    const definition = { ...rest, upstreams: {}, events: {}, api: { routes: [] } };
    const { code, stdout } = await entrepot(registryWith(definition, { ...TEST, response: { status: 404 } }));
    expect(stdout).toMatch(/^ {2}✗ the stores open\n {6}\S/m);
    expect(stdout).not.toMatch(/\bat .*\.ts:/);
    expect(code).toBe(1);
  });

  test('shows the findings of a definition that has errors, and looks no further', async () => {
    const { code, stdout } = await entrepot(registryWith(BROKEN_TEXT));
    expect(stdout).toMatch(/^schema\.json:5:\d+ {2}error {2}/m);
    expect(stdout).toMatch(/^This registry is wrong: 0 checks held, 0 failed, 0 notes$/m);
    expect(code).toBe(1);
  });
});
