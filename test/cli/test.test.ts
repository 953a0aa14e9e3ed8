import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { test as command } from '../../src/cli/test.ts';
import { ROOT } from '../house/source-files.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { NOTES } from './definitions.ts';

const PROGRAM = join(ROOT, 'bin/entrepot');

/** In this process; what the program itself does of it is shown once. */
async function entrepot(...args: readonly string[]) {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);
  const code = await command.run(args, { print, complain: print, env: {}, colours: false });
  return { code, stdout: `${lines.join('\n')}\n` };
}

const WRITER = { sub: 'ada', scopes: ['write'] };
const PUT = { method: 'PUT', path: '/notes/a', principal: WRITER, body: { json: { text: 'hi' } } };
const EVENT = { type: 'note_written', payload: { name: 'a' } };

/** A registry with the tests given, beside its schema. */
function registryWith(tests: unknown): string {
  const folder = join(temporaryFolder(), 'registry');
  mkdirSync(folder);
  writeFileSync(join(folder, 'schema.json'), JSON.stringify(NOTES));
  writeFileSync(join(folder, 'notes.test.json'), typeof tests === 'string' ? tests : JSON.stringify(tests, null, 2));
  return folder;
}

const GOOD = {
  name: 'a note is kept',
  request: PUT,
  response: { status: 201, json: { ok: true } },
  state: { records: { note: { 'note/a': { name: 'a', text: 'hi' } } }, events: [EVENT] },
};

describe('entrepot test', () => {
  test('passes, tells which routes nobody tests, and exits with 0', async () => {
    const { code, stdout } = await runProgram(PROGRAM, ['test', registryWith({ tests: [GOOD] })], { cwd: ROOT });
    expect(stdout).toMatch(/^notes\.test\.json\n {2}✓ a note is kept/);
    expect(stdout).toMatch(/^Routes without a test: read_note, relay_note$/m);
    expect(stdout).toMatch(/^1 passed \(stores: memory, \d+ ms\)$/m);
    expect(stdout).not.toContain('\u001b');
    expect(code).toBe(0);
  });

  test.each([
    ['the status', { response: { status: 200 } }, 'status', '200', '201'],
    ['a member', { response: { status: 201, json: { ok: false } } }, 'json/ok', 'false', 'true'],
    ['a member too few', { response: { status: 201, json: {} } }, 'json/ok', 'nothing', 'true'],
    ['a header', { response: { status: 201, headers: { 'x-a': 'b' } } }, 'headers/x-a', '"b"', 'null'],
    ['the bytes', { response: { status: 201, bytes: 'no' } }, 'bytes', '"no"', '"{\\"ok\\":true}"'],
    [
      'a digest',
      { response: { status: 201, digest: `sha256:${'0'.repeat(64)}` } },
      'digest',
      '"sha256:000',
      '"sha256:',
    ],
    ['a record', { state: { records: { note: {} } } }, 'records/note/note~1a', 'nothing', '{"name":"a","text":"hi"}'],
    ['a missing event', { state: { events: [EVENT, EVENT] } }, 'events/1', '{"type":"note_written"', 'nothing'],
    ['a change', { state: { unchanged: true } }, 'records/0', 'nothing', '"note note/a'],
    ['a blob', { state: { blobs: [`sha256:${'0'.repeat(64)}`] } }, 'blobs/0', '"sha256:000', 'nothing'],
  ])('shows where %s is not as expected, and exits with 1', async (_name, change, where, expected, got) => {
    const { code, stdout } = await entrepot(registryWith({ tests: [{ ...GOOD, ...change }] }));
    expect(stdout).toContain(`✗ a note is kept  notes.test.json:3:5\n`);
    expect(stdout).toContain(`      ${where}\n        expected  ${expected}`);
    expect(stdout).toContain(`        got       ${got}`);
    expect(stdout).toMatch(/^0 passed, 1 failed/m);
    expect(code).toBe(1);
  });

  test('tells of a step that does not go as it must, and of an answer that lacks what is to be kept', async () => {
    const tests = [
      { ...GOOD, name: 'refused', given: { steps: [{ request: { ...PUT, principal: null } }] } },
      { ...GOOD, name: 'not kept', given: { steps: [{ request: PUT, keep: { x: '/nowhere' } }] } },
    ];
    const { code, stdout } = await entrepot(registryWith({ tests }));
    expect(stdout).toMatch(/step 1 \(PUT \/notes\/a\): status\n.*expected {2}"below 400"\n.*got {7}"401 /);
    expect(stdout).toContain('The answer has no text or number at /nowhere to keep as "x"');
    expect(code).toBe(1);
  });

  test('lets users in by their credentials, and knows no others', async () => {
    const ada = { authorization: `Basic ${Buffer.from('ada:correct horse battery').toString('base64')}` };
    const users = { ada: { password: 'correct horse battery', scopes: ['write'] } };
    const request = { ...PUT, principal: null, headers: ada };
    const tests = [
      { ...GOOD, name: 'known', given: { users }, request },
      { name: 'unknown', request, response: { status: 401 } },
      { ...GOOD, name: 'misspelt', given: { users: { ada: { scopes: ['wirte', '*'] } } } },
    ];
    const { code, stdout } = await entrepot(registryWith({ tests: tests.slice(0, 2) }));
    expect(stdout).toMatch(/^2 passed/m);
    expect(code).toBe(0);
    expect((await entrepot(registryWith({ tests }))).stdout).toContain('There is no scope "wirte"');
  });

  test('reaches mocks and nothing else, whatever address the definition has', async () => {
    const request = { path: '/relay/a', principal: WRITER };
    const tests = [
      {
        name: 'answers in order, the last again',
        mocks: { origin: [{ body: 'one' }, { body: 'two' }] },
        given: {
          steps: [
            { request, response: { status: 200, text: 'one' } },
            { request, response: { status: 200, text: 'two' } },
          ],
        },
        request,
        response: { status: 200, text: 'two' },
        state: { upstreams: { origin: ['GET /a', 'GET /a', 'GET /a'] } },
      },
      { name: 'cut', mocks: { origin: [{ body: 'x', cut: true }] }, request, response: { status: 502 } },
      { name: 'by path', mocks: { origin: [{ path: '/b' }] }, request, response: { status: 200, text: '' } },
      { name: 'no mock', request, response: { status: 502, includes: { error: { code: 'UPSTREAM_NOT_CONFIGURED' } } } },
    ];
    const { code, stdout } = await entrepot('--json', registryWith({ tests }));
    const report = JSON.parse(stdout);
    expect(report.tests.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
    expect(code).toBe(0);
  });

  test.each([
    ['text that is no JSON', '{ "tests": [', /notes\.test\.json:1:13 {2}error {2}JSON_INVALID/],
    ['no tests', {}, /notes\.test\.json:1:1 {2}error {2}TEST_INVALID .*tests/],
    [
      'an unknown key',
      { tests: [{ ...GOOD, respnse: {} }] },
      /notes\.test\.json:3:5 {2}error {2}TEST_INVALID .*respnse/,
    ],
    ['a wrong type', { tests: [{ ...GOOD, name: 1 }] }, /notes\.test\.json:4:15 {2}error {2}TEST_INVALID/],
    [
      'an unknown document',
      { tests: [{ ...GOOD, state: { records: { noet: {} } } }] },
      /no document "noet"\n {4}Did you mean "note"\?/,
    ],
    ['an unknown event', { tests: [{ ...GOOD, state: { events: [{ type: 'x', payload: 1 }] } }] }, /no event "x"/],
    [
      'an unknown upstream',
      { tests: [{ ...GOOD, mocks: { orign: [] } }] },
      /no upstream "orign"\n {4}Did you mean "origin"\?/,
    ],
    [
      'an unknown scope',
      { tests: [{ ...GOOD, request: { ...PUT, principal: { sub: 'x', scopes: ['wrote'] } } }] },
      /no scope "wrote"/,
    ],
    ['two of one name', { tests: [GOOD, GOOD] }, /a second test "a note is kept"/],
  ])('finds %s in a test file, with its place', async (_name, tests, finding) => {
    const { code, stdout } = await entrepot(registryWith(tests));
    expect(stdout).toMatch(finding);
    expect(stdout).toMatch(/^1 error, /m);
    expect(code).toBe(1);
  });

  test('fails where there is nothing to run', async () => {
    const none = await entrepot(registryWith({ tests: [GOOD] }), '--filter', 'something else');
    expect(none.code).toBe(1);
    expect(none.stdout).toMatch(/There are no tests here/);
  });

  test('reads the tests of a definition in one file from beside it', async () => {
    const folder = registryWith({ tests: [GOOD] });
    const file = join(folder, 'notes.json');
    writeFileSync(file, JSON.stringify({ ...NOTES, features: { loud: false } }));
    writeFileSync(join(folder, 'other.test.json'), 'not read');
    const patched = { ...GOOD, name: 'patched', given: { definition: { features: { loud: true } } } };
    writeFileSync(join(folder, 'notes.test.json'), JSON.stringify({ tests: [GOOD, patched] }));
    const { code, stdout } = await entrepot(file);
    expect(stdout).toMatch(/^2 passed/m);
    expect(code).toBe(0);
  });

  test('says that a patch breaks the registry', async () => {
    const given = { definition: { api: { routes: [{ id: 'x' }] } } };
    const { code, stdout } = await entrepot(registryWith({ tests: [{ ...GOOD, given }] }));
    expect(stdout).toMatch(/With "given\.definition" the registry has errors:\n\s+schema\.json:\d+:\d+ {2}error/);
    expect(code).toBe(1);
  });

  test('runs what the filter names, on the store that is asked for, and prints JSON', async () => {
    const folder = registryWith({ tests: [GOOD, { ...GOOD, name: 'another' }] });
    const { code, stdout } = await entrepot(folder, '--filter', 'another', '--store', 'sqlite', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      store: 'sqlite',
      passed: 1,
      failed: 0,
      tests: [
        { name: 'another', file: 'notes.test.json', ok: true, route: 'write_note', status: 201, differences: [] },
      ],
      findings: [],
    });
    expect(code).toBe(0);
    const wrong = await runProgram(PROGRAM, ['test', folder, '--store', 'paper'], { cwd: ROOT });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/"paper" is not one of memory, sqlite, declared/);
    await expect(entrepot(join(folder, 'nowhere'), '--watch')).rejects.toThrow(
      /There is nothing at .*nowhere to watch/,
    );
  });

  test('runs again when a file changes, until it is told to stop', async () => {
    const folder = registryWith({ tests: [GOOD] });
    const child = spawn(PROGRAM, ['test', folder, '--watch'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    const seen = async (pattern: RegExp) => {
      while (!pattern.test(output)) await once(child.stdout, 'data');
    };
    await seen(/^1 passed.*\nWaiting for changes/m);
    writeFileSync(join(folder, 'notes.test.json'), JSON.stringify({ tests: [{ ...GOOD, response: { status: 200 } }] }));
    await seen(/^0 passed, 1 failed.*\nWaiting for changes/m);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});
