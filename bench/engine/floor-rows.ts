import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type Database from 'better-sqlite3';
import { openRegistry } from '../../src/main.ts';
import { type NewArtifact, openTables } from '../hand-written-store.ts';
import { blobOf, packagePath, SMALL_BLOB_BYTES, versionPath } from '../seed.ts';
import { withoutCaches } from '../subjects.ts';
import type { EngineRow } from './rows.ts';
import { repeated, type Work } from './work.ts';

const PACKAGES = 100;
const VERSIONS_EACH = 5;
const LARGE_BYTES = 50 * 1024 * 1024;

/** Rows, what could not be measured and why, and what is to be done at the end. */
export interface Floor {
  readonly rows: readonly EngineRow[];
  readonly leftOut: readonly string[];
  close(): Promise<void>;
}

/** What no server on this machine goes below: the statement, the file, the hash and the disk, by hand and by programs that do nothing else. */
export async function openFloor(folder: string): Promise<Floor> {
  const data = join(folder, 'data');
  mkdirSync(data);
  const database = openTables(join(data, 'hand.sqlite'));
  fillTables(database);
  const small = join(data, 'small');
  writeFileSync(small, blobOf('small', SMALL_BLOB_BYTES));
  const registry = await openSeeded(folder);
  const part = 'floor';
  const rows: EngineRow[] = [
    {
      name: 'statement',
      title: 'the statement of GET .../latest',
      part,
      first: repeated('the registry, all of it', registry.latest),
      second: latestByHand(database),
    },
    {
      name: 'file',
      title: 'a file of 4 KiB, read',
      part,
      first: repeated('GET of that blob, all of it', registry.blob),
      second: repeated('readFileSync', () => readFileSync(small)),
    },
  ];
  const leftOut: string[] = [];
  if (has('openssl', 'version')) {
    rows.push(hashRow('sha256-small', 'SHA-256 of 4 KiB', SMALL_BLOB_BYTES));
    rows.push(hashRow('sha256-large', 'SHA-256 of 50 MiB', LARGE_BYTES));
  } else leftOut.push('The hashes are left out: there is no openssl here to compare them with.');
  if (has('dd', '--version')) {
    rows.push(diskRow(data, 'synced-small', 'a file of 4 KiB, written and on the disk', 1, SMALL_BLOB_BYTES));
    rows.push(diskRow(data, 'synced-large', 'a file of 50 MiB, written and on the disk', 50, LARGE_BYTES / 50));
  } else leftOut.push('The disk is left out: there is no dd here to compare it with.');
  return {
    rows,
    leftOut,
    async close() {
      database.close();
      await registry.close();
    },
  };
}

/** The default registry, its caches off, with the same packages; asked in turn. */
async function openSeeded(folder: string) {
  const opened = await openRegistry({
    registry: withoutCaches(join(folder, 'definition')),
    data: join(folder, 'registry'),
    adminPassword: 'a password for the floor',
  });
  if (!opened.ok) throw new Error('The default registry has errors');
  const { registry } = opened;
  const { token } = await registry.identity.login('admin', 'a password for the floor');
  const ask = (method: string, target: string, body: Buffer | null) =>
    registry.handle({
      method,
      target,
      headers: body === null ? [] : [['authorization', `Bearer ${token}`]],
      body: body === null ? null : Readable.from([body], { objectMode: false }),
      contentLength: body === null ? null : body.length,
      ip: '127.0.0.1',
      baseUrl: 'http://registry.test',
      signal: NEVER,
    });
  const publish = async (path: string) => {
    const { status } = await ask('PUT', `${path}/blob`, blobOf(path, SMALL_BLOB_BYTES));
    if (status !== 201) throw new Error(`The default registry refused ${path}: ${status}`);
  };
  await Promise.all(everyVersion().map(({ index, version }) => publish(versionPath(index, version))));
  const counter = { next: 0 };
  const turn = () => counter.next++ % PACKAGES;
  return {
    latest: () => ask('GET', `${packagePath(turn())}/latest`, null),
    blob: () => ask('GET', `${versionPath(turn(), VERSIONS_EACH - 1)}/blob`, null),
    close: () => registry.close(),
  };
}

function everyVersion(): readonly { readonly index: number; readonly version: number }[] {
  return Array.from({ length: PACKAGES * VERSIONS_EACH }, (_, place) => ({
    index: place % PACKAGES,
    version: Math.floor(place / PACKAGES),
  }));
}

function fillTables(database: Database.Database): void {
  const columns = [
    'namespace',
    'name',
    'version',
    'variant',
    '"order"',
    'prerelease',
    'hex',
    'size',
    'media_type',
    'document',
  ];
  const insert = database.prepare(
    `INSERT INTO artifacts (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name.replaceAll('"', '')}`).join(', ')})`,
  );
  database.transaction(() => {
    for (const { index, version } of everyVersion()) {
      const hex = createHash('sha256')
        .update(blobOf(versionPath(index, version), SMALL_BLOB_BYTES))
        .digest('hex');
      const named = { namespace: 'bench', name: `package-${index}`, version: `1.${version}.0`, variant: 'any' };
      const document = { ...named, blob_digest: `sha256:${hex}`, blob_size: SMALL_BLOB_BYTES, created_at: new Date() };
      const artifact: Omit<NewArtifact, 'at'> = {
        ...named,
        order: `1.${version}.0`,
        prerelease: 0,
        hex,
        size: SMALL_BLOB_BYTES,
        media_type: 'application/octet-stream',
        document: JSON.stringify(document),
      };
      insert.run(artifact);
    }
  })();
}

function latestByHand(database: Database.Database): Work {
  const statement = database.prepare<[string, string]>(
    'SELECT id, document FROM artifacts WHERE namespace = +? AND name = +? AND prerelease = 0 ORDER BY "order" DESC LIMIT 1',
  );
  let next = 0;
  return repeated('better-sqlite3', () => {
    const found = statement.get('bench', `package-${next++ % PACKAGES}`);
    if (found === undefined) throw new Error('The statement by hand finds nothing');
    return found;
  });
}

/** Node's hash in this process beside `openssl`, which counts its processor time as well. */
function hashRow(name: string, title: string, size: number): EngineRow {
  const bytes = blobOf(name, size);
  return {
    name,
    title,
    part: 'floor',
    first: repeated('node:crypto', () => createHash('sha256').update(bytes).digest('hex')),
    second: {
      name: 'openssl speed',
      eachNs() {
        const said = output('openssl', ['speed', '-seconds', '1', '-bytes', `${size}`, '-mr', '-evp', 'sha256']);
        const bytesPerSecond = Number(/^\+F:.*:([\d.]+)$/m.exec(said)?.[1]);
        if (!(bytesPerSecond > 0)) throw new Error(`openssl speed cannot be understood: ${said}`);
        return (size / bytesPerSecond) * 1e9;
      },
    },
  };
}

/** A new file, whose bytes are on the disk when it is done: by node beside `dd`, which leaves its own start out. */
function diskRow(data: string, name: string, title: string, blocks: number, blockBytes: number): EngineRow {
  const block = blobOf('disk', blockBytes);
  return {
    name,
    title,
    part: 'floor',
    clock: 'wall',
    first: repeated('node: write, fdatasync', () => {
      const descriptor = openSync(join(data, 'by-node'), 'w');
      for (let count = 0; count < blocks; count++) writeSync(descriptor, block);
      fdatasyncSync(descriptor);
      closeSync(descriptor);
    }),
    second: {
      name: 'dd conv=fdatasync',
      eachNs() {
        const to = [`of=${join(data, 'by-dd')}`, `bs=${blockBytes}`, `count=${blocks}`, 'conv=fdatasync'];
        const said = output('dd', ['if=/dev/zero', ...to]);
        const seconds = Number(/copied, ([\d.e-]+) s/.exec(said)?.[1]);
        if (!(seconds > 0)) throw new Error(`dd cannot be understood: ${said}`);
        return seconds * 1e9;
      },
    },
  };
}

function has(program: string, argument: string): boolean {
  return spawnSync(program, [argument]).status === 0;
}

/** All that a program wrote. Throws where it fails. */
function output(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`);
  return stdout + stderr;
}

const NEVER = new AbortController().signal;
