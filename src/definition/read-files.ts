import { basename, dirname, join, posix, resolve } from 'node:path';
import type { FileSource } from './file-source.ts';
import { isObject } from './object-reader.ts';
import { type Places, type Spot, spotOf } from './places.ts';
import type { Reporter } from './reporter.ts';
import { parseSource } from './source.ts';
import type { Json, JsonObject } from './types.ts';

/** A parsed file; only objects get this far. */
export interface DefinitionFile {
  readonly name: string;
  readonly json: JsonObject;
}

export interface PackFiles {
  /** As in `packs`. */
  readonly folder: string;
  readonly pack: DefinitionFile;
  readonly routes: readonly DefinitionFile[];
}

export interface RegistryFiles {
  readonly root: string;
  /** Every file read, relative to the root, also those with errors. */
  readonly files: readonly string[];
  /** Null when it cannot be read. */
  readonly schema: DefinitionFile | null;
  readonly packs: readonly PackFiles[];
}

/** Reads a registry's folder (with `schema.json` and the packs it names) or a single file. Trouble becomes findings. */
export async function readRegistryFiles(
  path: string,
  places: Places,
  reporter: Reporter,
  source: FileSource,
): Promise<RegistryFiles> {
  const absolute = resolve(path);
  const isFolder = (await source.isFolder(absolute)) ?? !absolute.endsWith('.json');
  const root = isFolder ? absolute : dirname(absolute);
  const files: string[] = [];

  /** `namedBy` is what names the file; a missing one is reported there. */
  function read(name: string, namedBy: Spot | null = null): DefinitionFile | null {
    const whole = { file: name, line: 1, column: 1, pointer: '' };
    const bytes = source.read(join(root, name));
    if (bytes === null) {
      const place = namedBy === null ? whole : places.place(namedBy, 'value');
      reporter.reportPlace('FILE_MISSING', place, `"${name}" cannot be read`);
      return null;
    }
    files.push(name);
    const text = decode(bytes);
    if (text === null) {
      reporter.reportPlace('JSON_INVALID', whole, 'The file is not UTF-8');
      return null;
    }
    const json = parseSource(name, text, places, reporter.reportPlace);
    if (json === undefined) return null;
    if (isObject(json)) return { name, json };
    reporter.reportPlace('SHAPE_INVALID', whole, 'The file must hold an object');
    return null;
  }

  const schema = read(isFolder ? 'schema.json' : basename(absolute));
  const folders = schema === null ? [] : packFolders(schema.json, reporter);
  const packs = await Promise.all(
    folders.map(async ({ folder, spot }): Promise<PackFiles | null> => {
      const pack = read(posix.join(folder, 'pack.json'), spot);
      const routes = (await listRoutes(source, join(root, folder))).map((name) => read(posix.join(folder, name)));
      return pack === null ? null : { folder, pack, routes: routes.filter((route) => route !== null) };
    }),
  );
  return { root, files: files.sort(), schema, packs: packs.filter((pack) => pack !== null) };
}

/** Route files of a pack's folder, sorted; `*.test.json` are tests of them. */
async function listRoutes(source: FileSource, folder: string): Promise<readonly string[]> {
  const names = await source.list(folder);
  return names.filter((name) => name.endsWith('.json') && !name.endsWith('.test.json') && name !== 'pack.json').sort();
}

function packFolders(schema: JsonObject, reporter: Reporter): readonly { folder: string; spot: Spot }[] {
  const list: Json | undefined = schema.packs;
  if (list === undefined) return [];
  if (!Array.isArray(list)) {
    reporter.report('SHAPE_INVALID', spotOf(schema, 'packs'), '"packs" must be a list of folders');
    return [];
  }
  const folders = new Map<string, Spot>();
  list.forEach((item: Json, index) => {
    const spot = spotOf(list, index);
    const folder = typeof item === 'string' ? posix.normalize(item).replace(/\/$/, '') : '';
    if (folder === '' || folder === '.' || folder.startsWith('..') || folder.startsWith('/')) {
      reporter.report('SHAPE_INVALID', spot, 'A folder below the registry is expected here');
    } else if (folders.has(folder)) {
      reporter.report('DUPLICATE_ID', spot, `The pack folder "${folder}" is listed twice`);
    } else folders.set(folder, spot);
  });
  return [...folders].map(([folder, spot]) => ({ folder, spot }));
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}
