import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ADMIN, ADMIN_PASSWORD } from '../support/registry.ts';
import { startServerProcess } from '../support/server-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { judgeDurability, TRACED_CALLS } from './durability.ts';
import { parseTrace, STRACE_OPTIONS, type SystemCall } from './system-calls.ts';
import { requireTracing } from './tracing.ts';

const HEX = 'ab'.repeat(32);
const PLACES = { data: '/d', database: '/d/meta.sqlite' };

const toHex = (bytes: string | Buffer) =>
  [...Buffer.from(bytes)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
const onFile = (name: string, path: string, text: string | Buffer | null, result: number) =>
  `7  ${name}(3<${toHex(path)}>${text === null ? '' : `, "${toHex(text)}", 9, 0`}) = ${result}`;
const onPaths = (name: string, ...paths: string[]) =>
  `7  ${name}(${paths.map((path) => `"${toHex(path)}"`).join(', ')}) = 0`;
const frame = (databasePages: number) => {
  const header = Buffer.alloc(24);
  header.writeUInt32BE(databasePages, 4);
  return header;
};

/** A publish as it should be. */
const GOOD = {
  'make the data folder': onPaths('mkdir', '/d'),
  'sync above the data folder': onFile('fsync', '/', null, 0),
  'make the log': `7  openat(AT_FDCWD<${toHex('/d')}>, "${toHex('/d/meta.sqlite-wal')}", O_RDWR|O_CREAT, 0644) = 5`,
  'sync the data folder': onFile('fsync', '/d', null, 0),
  'write the blob': onFile('pwrite64', '/d/blobs/tmp/1', 'some', 4),
  'write more of the blob': onFile('pwrite64', '/d/blobs/tmp/1', 'more', 4),
  'sync the blob': onFile('fsync', '/d/blobs/tmp/1', null, 0),
  'make a folder': onPaths('mkdir', '/d/blobs/ab'),
  'sync above the folder': onFile('fsync', '/d/blobs', null, 0),
  'move the blob': onPaths('rename', '/d/blobs/tmp/1', `/d/blobs/ab/${HEX}`),
  'sync the folder': onFile('fsync', '/d/blobs/ab', null, 0),
  'write a frame': onFile('pwrite64', '/d/meta.sqlite-wal', frame(0), 24),
  'write the record': onFile('pwrite64', '/d/meta.sqlite-wal', `… ${HEX} …`, 4096),
  'write the commit frame': onFile('pwrite64', '/d/meta.sqlite-wal', frame(9), 24),
  'write its page': onFile('pwrite64', '/d/meta.sqlite-wal', 'page', 4096),
  'sync the log': onFile('fdatasync', '/d/meta.sqlite-wal', null, 0),
  answer: onFile(
    'write',
    'socket:[1]',
    `HTTP/1.1 201 Created\r\n\r\n{"ok":true,"digest":"sha256:${HEX}","size":8}`,
    99,
  ),
};
type Step = keyof typeof GOOD;
const STEPS = Object.keys(GOOD) as Step[];

const judge = (steps: readonly Step[], places = PLACES) =>
  judgeDurability(parseTrace(steps.map((step) => GOOD[step]).join('\n')), places);

describe('the judge of traces', () => {
  it('passes a publish that does all there is to do', () => {
    expect(judge(STEPS)).toEqual({ acknowledged: [HEX], violations: [] });
  });

  it.each<[Step, RegExp]>([
    ['sync above the data folder', /^abababab: \/ was not synced after \/d was made$/],
    ['sync the data folder', /\/d was not synced after \/d\/meta\.sqlite-wal was made/],
    ['write the blob', /4 bytes of the blob were written, of 8/],
    ['sync the blob', /the blob was not synced between its last write and its move/],
    ['sync above the folder', /\/d\/blobs was not synced after \/d\/blobs\/ab was made/],
    ['move the blob', /the blob was not moved/],
    ['sync the folder', /the folder of the blob was not synced after the move/],
    ['write the record', /the record was not written to the log/],
    ['write the commit frame', /the transaction was not written to its end/],
    ['write its page', /the transaction was not written to its end/],
    ['sync the log', /the log was not synced after the transaction/],
  ])('misses the step "%s"', (step, violation) => {
    const { violations } = judge(STEPS.filter((other) => other !== step));
    expect(violations).toEqual([expect.stringMatching(violation)]);
  });

  it.each<[Step, Step]>([
    ['sync the blob', 'write more of the blob'],
    ['move the blob', 'sync the blob'],
    ['sync the folder', 'move the blob'],
    ['sync above the folder', 'make a folder'],
    ['sync the log', 'write its page'],
    ['answer', 'sync the log'],
    ['answer', 'sync the folder'],
  ])('sees "%s" come before "%s"', (early, late) => {
    const others = STEPS.filter((step) => step !== early);
    expect(judge(others.toSpliced(others.indexOf(late), 0, early)).violations).not.toEqual([]);
  });

  it('sees that a transaction ends before the blob that it names is durable', () => {
    const folder: Step = 'sync the folder';
    const others: readonly Step[] = STEPS.filter((step) => step !== folder);
    const { violations } = judge(others.toSpliced(others.indexOf('sync the log'), 0, folder));
    expect(violations).toEqual([expect.stringMatching(/written to its end before the blob was durable/)]);
  });

  it.each<[string, Step, readonly string[]]>([
    ['failed', 'sync the log', [GOOD['sync the log'].replace('= 0', '= -1 EIO (Input/output error)')]],
    [
      'was still running when the answer left',
      'sync the log',
      [GOOD['sync the log'].replace(') = 0', ' <unfinished ...>')],
    ],
  ])('does not count a sync that %s', (_, step, lines) => {
    const text = STEPS.flatMap((other) => (other === step ? lines : [GOOD[other]]));
    const late = `${text.join('\n')}\n7  <... fdatasync resumed>) = 0`;
    expect(judgeDurability(parseTrace(late), PLACES).violations).toHaveLength(1);
  });

  it('puts together a call whose two lines others stand between', () => {
    const [begun, resumed] = [
      GOOD['sync the log'].replace(') = 0', ' <unfinished ...>'),
      '7  <... fdatasync resumed>) = 0',
    ];
    const lines = STEPS.flatMap((step) =>
      step === 'sync the log' ? [begun, '8  fsync(4<\\x61>) = 0', resumed] : [GOOD[step]],
    );
    expect(judgeDurability(parseTrace(lines.join('\n')), PLACES).violations).toEqual([]);
  });

  it('refuses lines that it does not know', () => {
    expect(() => parseTrace('strace: something is wrong')).toThrow(/Line 1/);
  });
});

describe('a server under strace', () => {
  it('answers no publish before all of it is durable', { timeout: 90_000 }, async (context) => {
    await requireTracing(context, 'start');
    const folder = temporaryFolder();
    // Two levels, neither of which is there.
    const data = join(folder, 'new/data');
    const output = join(folder, 'trace');
    const server = await startServerProcess({
      data,
      // The tracer steps aside (-D): the process that is started is the server itself, which a signal reaches.
      wrapper: [
        'strace',
        '-D',
        '--seccomp-bpf',
        ...STRACE_OPTIONS,
        '-e',
        `trace=${TRACED_CALLS.join(',')}`,
        '-o',
        output,
      ],
      env: { ENTREPOT_ADMIN_PASSWORD: ADMIN_PASSWORD },
    });
    onTestFinished(() => server.kill('SIGKILL').then(() => undefined));

    let published = 0;
    const publish = async (bytes: number) => {
      const url = `${server.url}/v1/traced/thing/1.0.${published++}/any/blob`;
      const response = await fetch(url, { method: 'PUT', headers: ADMIN, body: randomBytes(bytes) });
      expect(response.status).toBe(201);
    };
    for (const bytes of [1, 1000, 65_536, 300_000, 5, 1_500_000]) await publish(bytes);
    await Promise.all(
      Array.from({ length: 8 }, async (_, client) => {
        for (let round = 0; round < 3; round++) await publish(1 + client * 40_000 + round);
      }),
    );
    await server.stop();
    const trace = await finishedTrace(output, server.pid);
    const calls = parseTrace(trace);
    const places = { data: join(folder, 'new'), database: join(data, 'meta.sqlite') };
    const { acknowledged, violations } = judgeDurability(calls, places);
    expect(new Set(acknowledged).size).toBe(published);
    expect(violations).toEqual([]);

    // The same trace without one kind of sync: every answer is too early, or at least the first.
    const without = (path: RegExp) => calls.filter((call) => !(isSync(call) && path.test(call.path ?? '')));
    const faultsWithout = (path: RegExp) => judgeDurability(without(path), places).violations;
    expect(faultsWithout(/-wal$/)).toHaveLength(published);
    expect(faultsWithout(/\/blobs\/tmp\/[^/]+$/)).toHaveLength(published);
    expect(faultsWithout(/\/sha256\/..$/).length).toBeGreaterThanOrEqual(published);
    expect(faultsWithout(/\/new$/).length).toBeGreaterThanOrEqual(published);
  });
});

const isSync = ({ name }: SystemCall) => name === 'fsync' || name === 'fdatasync';

/** The tracer writes on for a moment after the server has ended. */
async function finishedTrace(file: string, pid: number): Promise<string> {
  let text = '';
  await expect
    .poll(
      async () => {
        text = await readFile(file, 'utf8');
        return new RegExp(`^${pid} +\\+\\+\\+ exited with 0 `, 'm').test(text);
      },
      { timeout: 10_000 },
    )
    .toBe(true);
  return text;
}
