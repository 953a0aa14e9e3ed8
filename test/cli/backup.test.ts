import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectData } from '../faults/inspect-data.ts';
import { ROOT } from '../house/source-files.ts';
import { ADMIN } from '../support/registry.ts';
import { runProgram } from '../support/run-program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { HELLO, writeRegistry } from './definitions.ts';
import { answersOf, BIN, entrepot, eventsOf, packagesOf, program, publish, recordsIn, serving } from './moving.ts';

const digestOf = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

describe('entrepot backup and restore', () => {
  it('of a registry that is written to: another serves the same, to the byte, the version and the event', {
    timeout: 120_000,
  }, async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    const server = await serving(data);
    for (let count = 0; count < 30; count++) await publish(server, `before-${count}`, randomBytes(count * 5000));
    const made = await fetch(`${server.url}/auth/tokens`, { method: 'POST', headers: ADMIN, body: '{"name":"ci"}' });
    const { token } = (await made.json()) as { token: string };

    let goesOn = true;
    let published = 0;
    const publishing = Promise.all(
      [0, 1, 2, 3].map(async (publisher) => {
        for (; goesOn; published++) await publish(server, `while-${publisher}-${published}`, randomBytes(20_000));
      }),
    );
    onTestFinished(() => {
      goesOn = false;
    });
    while (published < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    const file = join(folder, 'registry.tar.gz');
    const before = published;
    // The second takes the place of the first.
    for (let count = 0; count < 2; count++) {
      const { code, stdout, stderr } = await program('backup', file, '--data', data, '--json');
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ type_id: 'entrepot.registry', missing: [], damaged: [] });
    }
    const after = published;
    goesOn = false;
    await publishing;
    expect(after).toBeGreaterThan(before);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['data', 'registry.tar.gz']);

    const verified = await program('restore', file, '--verify-only');
    expect(verified.stdout).toMatch(/^Whole: the backup of entrepot\.registry of 20.*events, \d+ blobs \(.*MiB\)$/m);
    const restored = await program('restore', file, '--data', other);
    expect(restored.code, restored.stderr).toBe(0);
    expect(restored.stdout).toMatch(/^Restored the backup of entrepot\.registry/m);
    const copy = await serving(other);

    const names = await packagesOf(copy);
    expect(names.length).toBeGreaterThanOrEqual(30 + before);
    expect(names.length).toBeLessThan((await packagesOf(server)).length);
    for (const name of names) expect(await answersOf(copy, name), name).toEqual(await answersOf(server, name));
    const events = await eventsOf(copy);
    // One event each: records and log are of the same moment.
    expect(events).toHaveLength(names.length);
    expect(events).toEqual((await eventsOf(server)).slice(0, events.length));
    const me = await fetch(`${copy.url}/auth/me`, { headers: { authorization: `Bearer ${token}` } });
    expect(await me.json()).toMatchObject({ username: 'admin', token: { name: 'ci' } });

    // It goes on from there.
    await publish(copy, 'later', 'more');
    const [last] = (await eventsOf(copy)).slice(-1) as { position: number; version: number }[];
    const [newest] = events.slice(-1) as { position: number; version: number }[];
    expect(last!.position).toBeGreaterThan(newest!.position);
    expect(last!.version).toBeGreaterThan(newest!.version);
    await copy.stop();
    expect((await inspectData(other)).faults).toEqual([]);
  });

  it('goes through pipes', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    expect((await entrepot('seed', '--data', data)).code).toBe(0);
    const run = (line: string) => entrepotInShell(line, { DATA: data, OTHER: other });
    const piped = await run('"$BIN" backup - --data "$DATA" | "$BIN" restore - --data "$OTHER"');
    expect(piped.code, piped.stderr).toBe(0);
    // What is said of the backup goes beside it.
    expect(piped.stderr).toMatch(/^Wrote a backup: \d+ records/m);
    expect(await recordsIn(other)).toBe(await recordsIn(data));
    // Nobody takes the end of a reader for the end of a backup.
    const cut = await run('"$BIN" backup - --data "$DATA" | head -c 1000 >/dev/null; echo ${PIPESTATUS[0]}');
    expect(cut.stdout).toBe('1\n');
  });

  it('tells of blobs that are not there or damaged, and takes all else along', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const [data, other, file] = [join(folder, 'data'), join(folder, 'other'), join(folder, 'registry.tar')];
    const server = await serving(data);
    const contents = [randomBytes(1000), randomBytes(2_000_000), randomBytes(3000), randomBytes(1_500_000)];
    for (const [place, content] of contents.entries()) await publish(server, `p${place}`, content);
    await server.stop();
    const pathOf = (place: number) => {
      const hex = digestOf(contents[place]!);
      return join(data, 'blobs/sha256', hex.slice(0, 2), hex);
    };
    unlinkSync(pathOf(0));
    const altered = Buffer.from(contents[1]!);
    altered[1_000_000]! ^= 1;
    writeFileSync(pathOf(1), altered);

    const backup = await entrepot('backup', file, '--data', data);
    const complaints = [
      `Missing: sha256:${digestOf(contents[0]!)} is named by a record and is in no blob store`,
      `Damaged: the content of sha256:${digestOf(contents[1]!)} does not have this digest`,
    ].join('\n');
    expect(backup).toMatchObject({ code: 1, stderr: `${complaints}\n` });
    expect(backup.stdout).toMatch(/^Wrote .*, 2 blobs \(1\.4 MiB\)/m);
    const restored = await entrepot('restore', file, '--data', other);
    expect(restored).toMatchObject({ code: 1, stderr: `${complaints}\n` });
    const copy = await serving(other);
    const statusOf = async (place: number) => (await fetch(`${copy.url}/v1/acme/p${place}/1.0.0/any/blob`)).status;
    expect([await statusOf(2), await statusOf(3)]).toEqual([200, 200]);
    expect(await statusOf(1)).not.toBe(200);
  });

  it('leaves blobs out where it is told to', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const [data, file] = [join(folder, 'data'), join(folder, 'registry.tar')];
    await entrepot('seed', '--data', data);
    const before = await recordsIn(data);
    expect((await entrepot('backup', file, '--data', data, '--no-blobs')).stdout).toMatch(/, 0 blobs/);
    const restored = await entrepot('restore', file, '--data', data, '--force');
    expect(restored).toMatchObject({ code: 0, stderr: 'This backup was made without blobs.\n' });
    expect(await recordsIn(data)).toBe(before);
  });

  it('refuses files that are not whole, and nothing is served from what they left', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const [data, file, bad] = [join(folder, 'data'), join(folder, 'registry.tar'), join(folder, 'bad.tar')];
    await entrepot('seed', '--data', data);
    await entrepot('backup', file, '--data', data);
    const bytes = readFileSync(file);
    const altered = Buffer.from(bytes);
    const place = altered.indexOf('target_version');
    altered[place] = 'T'.charCodeAt(0);
    const cases = [
      [altered, 'the records of meta packages.tag were altered'],
      [bytes.subarray(0, bytes.length / 2), 'it ends early'],
      [bytes.subarray(0, bytes.lastIndexOf('trailer.json') - 600), 'it ends early'],
    ] as const;
    for (const [number, [content, why]] of cases.entries()) {
      writeFileSync(bad, content);
      const target = join(folder, `target-${number}`);
      const message = `BACKUP_INVALID: The file is not a whole backup: ${why}\n`;
      expect(await entrepot('restore', bad, '--verify-only')).toMatchObject({ code: 1, stdout: '', stderr: message });
      expect(await entrepot('restore', bad, '--data', target)).toMatchObject({ code: 1, stdout: '', stderr: message });
      const served = await program('serve', '--port', '0', '--data', target);
      expect(served.code).toBe(1);
      expect(served.stderr).toMatch(
        /^STORE_FAILURE: The store is half filled: the restore of the backup \S+ of 20\S+, which began 20\S+, did not finish\. Run the same command again/,
      );
      expect((await entrepot('user', 'list', '--data', target)).stderr).toContain('half filled');
      expect((await entrepot('backup', join(folder, 'x.tar'), '--data', target)).stderr).toContain('half filled');
      expect(existsSync(join(folder, 'x.tar'))).toBe(false);
      // The whole file fills what its own part left.
      const again = await entrepot('restore', file, '--data', target);
      expect(again.code, again.stderr).toBe(0);
      expect(again.stdout).toMatch(/\(\d+ were there already\)$/m);
      expect(await recordsIn(target)).toBe(await recordsIn(data));
    }
  });

  it('refuses places that hold something else, and other registries', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const [data, first, second] = [join(folder, 'data'), join(folder, '1.tar'), join(folder, '2.tar')];
    await entrepot('seed', '--data', data);
    await entrepot('backup', first, '--data', data);
    await entrepot('user', 'add', 'later', '--no-password', '--data', data);
    await entrepot('backup', second, '--data', data);
    const refused = await entrepot('restore', first, '--data', data);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ALREADY_EXISTS: .*--force$/m) });
    expect((await entrepot('user', 'list', '--data', data)).stdout).toContain('later');
    expect((await entrepot('restore', first, '--data', data, '--force')).code).toBe(0);
    expect((await entrepot('user', 'list', '--data', data)).stdout).not.toContain('later');

    // Half of one backup is not filled up from another.
    const half = join(folder, 'half');
    writeFileSync(join(folder, 'half.tar'), readFileSync(first).subarray(0, 20_000));
    await entrepot('restore', join(folder, 'half.tar'), '--data', half);
    const mixed = await entrepot('restore', second, '--data', half);
    expect(mixed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/half filled by something else: .*--force$/m),
    });
    expect((await entrepot('restore', second, '--data', half, '--force')).code).toBe(0);
    expect((await entrepot('user', 'list', '--data', half)).stdout).toContain('later');

    const hello = writeRegistry(folder, 'hello', { ...HELLO, storage: { kv_stores: { meta: { kind: 'sqlite' } } } });
    const foreign = await entrepot('restore', first, '--data', join(folder, 'foreign'), '--registry', hello);
    expect(foreign.stderr).toMatch(/^BACKUP_INVALID: The backup is of "entrepot\.registry", and this definition is "/);
    expect(existsSync(join(folder, 'foreign'))).toBe(false);
  });

  it('says what is wrong in a sentence', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    const [data, empty] = [join(folder, 'data'), join(folder, 'empty')];
    const failed = async (...args: readonly [string, ...string[]]) => {
      const { code, stderr } = await entrepot(...args);
      return [code, stderr];
    };
    expect(await failed('backup')).toEqual([2, expect.stringContaining('needs FILE')]);
    expect(await failed('restore')).toEqual([2, expect.stringContaining('needs FILE')]);
    const file = join(folder, 'registry.tar');
    expect(await failed('backup', file, '--data', data)).toEqual([
      1,
      expect.stringContaining('There is no data folder'),
    ]);
    await entrepot('seed', '--data', data);
    const nowhere = join(folder, 'nowhere/registry.tar');
    expect(await failed('backup', nowhere, '--data', data)).toEqual([1, expect.stringContaining('ENOENT')]);
    expect(await failed('restore', nowhere, '--data', empty)).toEqual([1, expect.stringContaining('ENOENT')]);
    expect(existsSync(empty)).toBe(false);
    expect(await failed('backup', file, '--data', folder)).toEqual([
      1,
      expect.stringContaining('The stores are empty'),
    ]);
    expect(existsSync(file)).toBe(false);
    const memory = writeRegistry(folder, 'memory', { ...HELLO, storage: { kv_stores: { meta: { kind: 'memory' } } } });
    expect(await failed('backup', file, '--data', data, '--registry', memory)).toEqual([
      1,
      expect.stringContaining('in memory'),
    ]);
  });
});

function entrepotInShell(line: string, env: Readonly<Record<string, string>>) {
  return runProgram('bash', ['-c', line], { cwd: ROOT, env: { ...process.env, BIN, ...env } });
}
