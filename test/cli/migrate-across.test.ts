import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../house/source-files.ts';
import { fillWithTags } from '../support/many-records.ts';
import { describePostgres, freshSchema } from '../support/shared-postgres.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  answersOf,
  BIN,
  entrepot,
  eventsOf,
  openSpelled,
  packagesOf,
  program,
  publish,
  recordsIn,
  serving,
} from './moving.ts';

describePostgres('stores of different kinds', (shared) => {
  /** A place of its own on the server, as spelled on the command line. */
  const freshServer = () => {
    const url = new URL(shared.url);
    url.searchParams.set('schema', freshSchema(shared.url));
    return url.href;
  };

  it('hold the same after each move, and serve the same', { timeout: 240_000 }, async () => {
    const data = join(temporaryFolder(), 'data');
    const first = await serving(data);
    for (let count = 0; count < 12; count++) await publish(first, `p${count}`, `content ${count}`);
    await entrepot('user', 'add', 'ada', '--scopes', 'read', '--no-password', '--data', data);
    const names = await packagesOf(first);
    const answers = await Promise.all(names.map((name) => answersOf(first, name)));
    const events = await eventsOf(first);
    await first.stop();
    const records = await recordsIn(data);

    const stores = ['sqlite', freshServer(), 'pglite', freshServer(), 'sqlite:end.sqlite'];
    for (const [place, to] of stores.entries()) {
      if (place === 0) continue;
      const moved = await entrepot('migrate', '--from', stores[place - 1]!, '--to', to, '--data', data);
      expect(moved.code, moved.stderr).toBe(0);
      expect(moved.stdout).toContain('Everything is the same on both sides');
      expect(await recordsIn(data, to), to).toBe(records);
      const server = await serving(data, { args: ['--store', to] });
      expect(await packagesOf(server)).toEqual(names);
      expect(await Promise.all(names.map((name) => answersOf(server, name)))).toEqual(answers);
      expect(await eventsOf(server)).toEqual(events);
      await server.stop();
    }
    // Where all of them were, the log goes on at its end, and the newest version is the highest.
    for (const store of [stores[1]!, 'pglite', 'sqlite:end.sqlite']) {
      const server = await serving(data, { args: ['--store', store] });
      await publish(server, 'later', 'more');
      const after = (await eventsOf(server)) as { position: number; version: number }[];
      expect(after.slice(0, -1)).toEqual(events);
      const [before, last] = after.slice(-2);
      expect(last!.position).toBeGreaterThan(before!.position);
      expect(last!.version).toBeGreaterThan(before!.version);
      await server.stop();
    }
  });

  it('are backed up while they are written to, and restored elsewhere', { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const [data, other, file] = [join(folder, 'data'), join(folder, 'other'), join(folder, 'registry.tar')];
    const store = freshServer();
    const server = await serving(data, { args: ['--store', store] });
    let goesOn = true;
    let published = 0;
    const publishing = Promise.all(
      [0, 1, 2].map(async (publisher) => {
        for (; goesOn; published++) await publish(server, `p-${publisher}-${published}`, `content ${published}`);
      }),
    );
    while (published < 20) await new Promise((resolve) => setTimeout(resolve, 10));
    const backup = await program('backup', file, '--data', data, '--store', store);
    const during = published;
    goesOn = false;
    await publishing;
    expect(backup, backup.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(during).toBeGreaterThan(20);
    const answers = new Map(
      await Promise.all((await packagesOf(server)).map(async (name) => [name, await answersOf(server, name)] as const)),
    );
    const events = await eventsOf(server);

    for (const to of ['pglite', freshServer(), 'sqlite']) {
      const restored = await entrepot('restore', file, '--data', other, '--store', to);
      expect(restored.code, restored.stderr).toBe(0);
      const copy = await serving(other, { args: ['--store', to] });
      const names = await packagesOf(copy);
      expect(names.length).toBeGreaterThanOrEqual(20);
      for (const name of names) expect(await answersOf(copy, name)).toEqual(answers.get(name));
      const log = await eventsOf(copy);
      expect(log).toHaveLength(names.length);
      // Commits that were under way at that moment come between, and only they.
      expect(events).toEqual(expect.arrayContaining([...log]));
      await copy.stop();
    }
  });

  it('go on where a killed move stopped', { timeout: 180_000 }, async () => {
    const data = join(temporaryFolder(), 'data');
    const count = 40_000;
    const source = openSpelled(data, 'sqlite');
    await fillWithTags(source, count, 300);
    await source.close();
    const store = freshServer();
    const args = ['--from', 'sqlite', '--to', store, '--data', data];
    const target = openSpelled(data, store);
    const recordsThere = async () => {
      const dump = await target.dump();
      await dump.close();
      return dump.collections[0]?.records ?? 0;
    };
    let had = 0;
    for (let kills = 0; kills < 2; kills++) {
      const child = spawn(BIN, ['migrate', ...args], { cwd: ROOT, stdio: 'ignore' });
      const ended = once(child, 'close');
      while (child.exitCode === null && (await recordsThere()) < had + 1000)
        await new Promise((resolve) => setTimeout(resolve, 5));
      expect(child.exitCode, 'It ended before it was killed').toBeNull();
      child.kill('SIGKILL');
      await ended;
      had = await recordsThere();
    }
    expect(had).toBeLessThan(count);
    await target.close();
    const refused = await program('serve', '--port', '0', '--data', data, '--store', store);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('half filled: the move from sqlite:') });

    const again = await entrepot('migrate', ...args, '--json');
    const { same, records } = JSON.parse(again.stdout);
    expect(same).toBe(true);
    expect(records.filled.kept).toBeGreaterThanOrEqual(had);
    expect(records.filled.written).toBe(count * 2 - records.filled.kept);
    expect(await recordsIn(data, store)).toBe(await recordsIn(data));
  });

  it('say where they are without the password', async () => {
    const folder = temporaryFolder();
    const store = new URL(freshServer());
    store.password = 'a-secret';
    const same = await entrepot('migrate', '--from', store.href, '--to', store.href, '--data', folder);
    expect(same.stderr).toMatch(/are the same: postgres(ql)?:\/\/\w+@/);
    const empty = await entrepot('migrate', '--from', store.href, '--to', 'sqlite', '--data', folder);
    expect(empty.stderr).toContain('There is nothing in postgres');
    expect(same.stderr + empty.stderr).not.toContain('a-secret');
    const lost = new URL(store.href);
    lost.port = '1';
    const unreachable = await entrepot('migrate', '--from', lost.href, '--to', 'sqlite', '--data', folder);
    expect(unreachable).toMatchObject({ code: 1, stderr: expect.stringMatching(/^STORE_UNREACHABLE: /) });
  });
});
