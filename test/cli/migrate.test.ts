import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recordStores } from '../../src/adapters/index.ts';
import { migrateStores } from '../../src/migrate-stores.ts';
import type { RecordStore } from '../../src/ports/record-store.ts';
import { inspectData } from '../faults/inspect-data.ts';
import { ROOT } from '../house/source-files.ts';
import { fillWithTags } from '../support/many-records.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { answersOf, BIN, entrepot, eventsOf, packagesOf, program, publish, recordsIn, serving } from './moving.ts';

const storeIn = (data: string) => `sqlite:${join(data, 'meta.sqlite')}`;

function openStore(data: string): RecordStore {
  const store = recordStores.sqlite.open({ name: 'meta', data, path: null, server: null });
  onTestFinished(async () => store.close());
  return store;
}

describe('entrepot migrate', () => {
  it('moves records and blobs, and shows that nothing was lost', { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    const server = await serving(data);
    for (let count = 0; count < 10; count++) await publish(server, `p${count}`, `content ${count}`);
    await entrepot('user', 'add', 'ada', '--scopes', 'read', '--no-password', '--data', data);

    const moved = await program(
      ...['migrate', '--from', storeIn(data), '--to', storeIn(other)],
      ...['--blobs-from', join(data, 'blobs'), '--blobs-to', join(other, 'blobs')],
    );
    expect(moved, moved.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(moved.stdout).toMatch(/^packages\.artifact +10 +10 +(\w{16}) +\1 +same$/m);
    expect(moved.stdout).toMatch(/^\(events\) +10 +10 +(\w{16}) +\1 +same$/m);
    expect(moved.stdout).toMatch(/^to +10 +90 B +\w{16}$/m);
    expect(moved.stdout).toMatch(/^Everything is the same on both sides: the target is ready$/m);
    expect(await recordsIn(other)).toBe(await recordsIn(data));

    const copy = await serving(other);
    const names = await packagesOf(copy);
    expect(names).toHaveLength(10);
    for (const name of names) expect(await answersOf(copy, name)).toEqual(await answersOf(server, name));
    expect(await eventsOf(copy)).toEqual(await eventsOf(server));
    await copy.stop();
    expect((await inspectData(other)).faults).toEqual([]);
    expect((await entrepot('user', 'list', '--data', other)).stdout).toMatch(/^ada +active/m);

    // Blobs alone: what is there is not copied, and others there do no harm.
    await publish(server, 'p10', 'content 10');
    const blobs = ['--blobs-from', join(data, 'blobs'), '--blobs-to', join(other, 'blobs')] as const;
    const again = await entrepot('migrate', ...blobs, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({
      same: true,
      records: null,
      blobs: { copied: { written: 1, kept: 10, damaged: [] }, others: 0, from: { count: 11 }, to: { count: 11 } },
    });
    const back = await entrepot('migrate', '--blobs-from', join(other, 'blobs'), '--blobs-to', join(folder, 'third'));
    expect(back.stdout).toContain('11 written, 0 there already, 0 others there: same');
  });

  it('tells that the source was written to meanwhile, and copies only the rest the second time', async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    await entrepot('seed', '--data', data);
    let isWritten = false;
    const first = await migrateStores({
      registry: ROOT,
      data: folder,
      env: {},
      records: { from: storeIn(data), to: storeIn(other) },
      blobs: null,
      recordStore: null,
      blobStore: null,
      force: false,
      onProgress(_done, _total, label) {
        if (label === 'events' && !isWritten) commitNow(data);
        isWritten ||= label === 'events';
      },
    });
    expect(first).toMatchObject({ ok: true, same: false, records: { same: false, sourceChanged: true } });
    expect((await entrepot('user', 'list', '--data', other)).stderr).toContain('half filled: the move from sqlite:');
    const second = await entrepot('migrate', '--from', storeIn(data), '--to', storeIn(other));
    expect(second.stdout).toMatch(/^2 written, \d+ there already, 1 removed$/m);
    expect(second.code).toBe(0);
    expect(await recordsIn(other)).toBe(await recordsIn(data));
  });

  it('goes on where a killed one stopped', { timeout: 180_000 }, async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    const source = openStore(data);
    const count = 60_000;
    await fillWithTags(source, count, 500);
    const args = ['migrate', '--from', storeIn(data), '--to', storeIn(other)];
    const child = spawn(BIN, args, { cwd: ROOT, stdio: 'ignore' });
    const target = () => recordsInStore(other);
    while ((await target()) < 10_000) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await once(child, 'close');
    const had = await target();
    expect(had).toBeLessThan(count);

    const refused = await program('serve', '--port', '0', '--data', other);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/half filled: the move from sqlite:\S+, which began/);
    // Neither is it a source.
    const third = await entrepot('migrate', '--from', storeIn(other), '--to', storeIn(join(folder, 'third')));
    expect(third.stderr).toContain('half filled');

    const again = await entrepot(...(args as ['migrate', ...string[]]), '--json');
    const { same, records } = JSON.parse(again.stdout);
    expect(same).toBe(true);
    expect(records.filled).toMatchObject({ kept: expect.any(Number), removed: 0 });
    expect(records.filled.kept).toBeGreaterThanOrEqual(had);
    expect(records.filled.written).toBe(count * 2 - records.filled.kept);
    expect(records.compared).toMatchObject([
      { collection: 'packages.tag', from: { count }, to: { count }, same: true },
      { collection: null, from: { count }, to: { count }, same: true },
    ]);
    const copy = await serving(other);
    const tag = await fetch(`${copy.url}/v1/acme/many/tags/t000059999`);
    expect(await tag.json()).toMatchObject({ tag: 't000059999', target_version: '1.0.0' });
  });

  it('says that it does not know what it moved', async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    await fillWithTags(openStore(data), 10, 10, 'books.title');
    const moved = await entrepot('migrate', '--from', storeIn(data), '--to', storeIn(other));
    expect(moved).toMatchObject({
      code: 0,
      stderr: 'The definition knows no "books.title": its records were moved, without indexes\n',
    });
    expect(await recordsIn(other)).toBe(await recordsIn(data));
  });

  it('refuses what makes no sense, and places that hold something', async () => {
    const folder = temporaryFolder();
    const [data, other] = [join(folder, 'data'), join(folder, 'other')];
    await entrepot('seed', '--data', data);
    await entrepot('user', 'add', 'ada', '--no-password', '--data', other);
    const failed = async (...args: readonly string[]) => (await entrepot('migrate', ...args, '--data', data)).stderr;
    expect(await failed()).toMatch(/needs --from and --to/);
    expect(await failed('--from', 'sqlite')).toMatch(/--from and --to come together/);
    expect(await failed('--blobs-to', 'x')).toMatch(/--blobs-from and --blobs-to come together/);
    expect(await failed('--from', 'sqlite', '--to', storeIn(data))).toMatch(/are the same/);
    expect(await failed('--from', 'floppy', '--to', 'sqlite')).toMatch(/"floppy" is not a store/);
    expect(await failed('--from', 'memory', '--to', 'sqlite')).toMatch(/memory/);
    expect(await failed('--from', 'sqlite', '--to', storeIn(other), '--name', 'x')).toMatch(
      /no record store "x".*meta/,
    );
    expect(await failed('--from', storeIn(join(folder, 'nowhere')), '--to', 'sqlite')).toMatch(/There is no /);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
    expect(await failed('--blobs-from', join(folder, 'nowhere'), '--blobs-to', data)).toMatch(/There is no /);
    const before = await recordsIn(other);
    expect(await failed('--from', 'sqlite', '--to', storeIn(other))).toMatch(/^ALREADY_EXISTS: .*--force/);
    expect(await recordsIn(other)).toBe(before);
    const forced = await entrepot('migrate', '--from', 'sqlite', '--to', storeIn(other), '--data', data, '--force');
    expect(forced.code, forced.stderr).toBe(0);
    expect(await recordsIn(other)).toBe(await recordsIn(data));
  });
});

/** How many records a store holds that another process may be filling. */
async function recordsInStore(data: string): Promise<number> {
  const file = join(data, 'meta.sqlite');
  if (!existsSync(file)) return 0;
  const database = new Sqlite(file, { readonly: true, timeout: 5000 });
  try {
    return Number(database.prepare('SELECT count(*) FROM records').pluck().get());
  } catch {
    // Its tables are being made.
    return 0;
  } finally {
    database.close();
  }
}

/** A commit by another process, at once: one record changed, one new, one gone. */
function commitNow(data: string): void {
  const database = new Sqlite(join(data, 'meta.sqlite'));
  const tags = `FROM records WHERE collection = 'packages.tag' ORDER BY key`;
  database.exec(`BEGIN IMMEDIATE;
    UPDATE state SET sequence = sequence + 1;
    UPDATE records SET value = '{}', version = (SELECT sequence FROM state) WHERE rowid = (SELECT rowid ${tags} LIMIT 1);
    INSERT INTO records (collection, key, value, version, expires_at) SELECT collection, key || '-new', value, (SELECT sequence FROM state), expires_at ${tags} LIMIT 1;
    DELETE FROM records WHERE rowid = (SELECT rowid ${tags} DESC LIMIT 1);
    COMMIT;`);
  database.close();
}
