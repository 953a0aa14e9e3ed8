import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { runProgram } from '../support/run-program.ts';

/** A real archive and where it is published. */
export interface Archive {
  /** Absolute path of the `.tar.gz`. */
  readonly file: string;
  /** `/v1/{namespace}/{name}/{version}/{variant}/blob` */
  readonly target: string;
  readonly size: number;
  /** `sha256:<hex>` of the file. */
  readonly digest: string;
}

interface Source {
  readonly folder: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly variant: string;
  /** Of all files, unpacked. */
  readonly bytes: number;
}

const MODULES = join(import.meta.dirname, '../../node_modules');
/** Larger ones take too long to pack; their folders are packed instead. */
const MAX_BYTES = 30 * 1024 * 1024;
const NAME = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/**
 * Packs `count` archives into `folder`: every package that this project has installed, nested and scoped ones too, and then folders of
 * packages, the ones with most bytes first. Fails when there is not enough to pack.
 */
export async function packInstalledPackages(folder: string, count: number): Promise<readonly Archive[]> {
  const packages = await findPackages(MODULES);
  const folders = (await Promise.all(packages.map(findFolders))).flat().sort((a, b) => b.bytes - a.bytes);
  const sources = [...packages, ...folders].filter(({ bytes }) => bytes > 0 && bytes <= MAX_BYTES).slice(0, count);
  if (sources.length < count) throw new Error(`${MODULES} has content for ${sources.length} archives of ${count} only`);
  const archives: Archive[] = [];
  const left = sources.entries();
  const pack = async () => {
    for (const [position, source] of left) archives.push(await packOne(source, join(folder, `${position}.tar.gz`)));
  };
  await Promise.all([pack(), pack()]);
  return archives;
}

async function packOne(source: Source, file: string): Promise<Archive> {
  const { folder, namespace, name, version, variant } = source;
  const args = ['-czf', file, '--exclude=node_modules', '-C', dirname(folder), basename(folder)];
  const { code, stderr } = await runProgram('tar', args);
  if (code !== 0) throw new Error(`tar ended with ${code}: ${stderr}`);
  const bytes = await readFile(file);
  return {
    file,
    target: `/v1/${namespace}/${name}/${version}/${variant}/blob`,
    size: bytes.length,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  };
}

/** The packages in a `node_modules` folder and in those nested below; one name and version once. */
async function findPackages(modules: string): Promise<readonly Source[]> {
  const found = new Map<string, Source>();
  for (const entry of await readdir(modules, { recursive: true, withFileTypes: true })) {
    if (entry.name !== 'package.json' || !entry.isFile()) continue;
    const folder = entry.parentPath;
    const parent = dirname(folder);
    const scope = basename(parent).startsWith('@') ? basename(parent) : null;
    if (basename(scope === null ? parent : dirname(parent)) !== 'node_modules') continue;
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version?: string };
    const source = {
      folder,
      namespace: scope?.slice(1) ?? 'unscoped',
      name: basename(folder),
      version: version ?? '',
      variant: 'package',
      bytes: await sizeOf(folder),
    };
    if (version !== undefined && NAME.test(source.name)) found.set(relative(modules, folder), source);
  }
  const unique = new Map(
    [...found.values()].map((source) => [`${source.namespace}/${source.name}@${source.version}`, source]),
  );
  return [...unique.values()];
}

async function findFolders(source: Source): Promise<readonly Source[]> {
  const entries = await readdir(source.folder, { withFileTypes: true });
  const folders = entries.filter(
    (entry) => entry.isDirectory() && entry.name !== 'node_modules' && NAME.test(entry.name),
  );
  return Promise.all(
    folders.map(async ({ name }) => {
      const folder = join(source.folder, name);
      return { ...source, folder, variant: name, bytes: await sizeOf(folder) };
    }),
  );
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !relative(folder, path).includes('node_modules')) bytes += (await stat(path)).size;
  }
  return bytes;
}
