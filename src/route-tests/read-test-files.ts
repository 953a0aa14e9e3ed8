import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import type { Finding, Place } from '../definition/findings.ts';
import { createPlaces, spotOf } from '../definition/places.ts';
import { parseSource } from '../definition/source.ts';
import type { Definition } from '../definition/types.ts';
import { createSchemaCompiler } from '../language/json-schema.ts';
import { checkNames } from './check-names.ts';
import type { RouteTestFile } from './test-file.ts';
import { TEST_FILE_SCHEMA } from './test-file-schema.ts';

/** A test file that can be run. */
export interface ReadTestFile {
  /** Relative to the registry's folder. */
  readonly name: string;
  /** Whose local names may be used: the pack that the file stands in; null outside packs. */
  readonly pack: string | null;
  readonly content: RouteTestFile;
  /** Where each test stands, in their order. */
  readonly places: readonly Place[];
}

export interface RegistryPlace {
  /** Absolute. */
  readonly root: string;
  /** Files of the definition, relative to the root. */
  readonly files: readonly string[];
  /** Name of the file with the schema's sections: `schema.json`, or that of a one-file registry. */
  readonly schemaFile: string;
}

const SUFFIX = '.test.json';
const validate = createSchemaCompiler({}).compile(TEST_FILE_SCHEMA);

/**
 * Reads the tests of a registry: every `*.test.json` in its folder and those of its packs; of a registry in one file `x.json`, `x.test.json`.
 * What is wrong with them becomes findings (JSON_INVALID, DUPLICATE_KEY, TEST_INVALID); such a file is left out.
 */
export async function readTestFiles(
  registry: RegistryPlace,
  definition: Definition,
): Promise<{ readonly files: readonly ReadTestFile[]; readonly findings: readonly Finding[] }> {
  const found = await Promise.all((await namesOf(registry)).map((name) => readTestFile(registry, definition, name)));
  return {
    files: found.flatMap(({ file }) => (file === null ? [] : [file])),
    findings: found.flatMap(({ findings }) => findings),
  };
}

async function namesOf({ root, files, schemaFile }: RegistryPlace): Promise<readonly string[]> {
  const folders = [...new Set(files.map((file) => posix.dirname(file)))].sort();
  const names = await Promise.all(
    folders.map(async (folder) => {
      const entries = await readdir(join(root, folder));
      return entries.filter((name) => name.endsWith(SUFFIX)).map((name) => posix.join(folder, name));
    }),
  );
  const all = names.flat().sort();
  if (schemaFile === 'schema.json') return all;
  return all.filter((name) => name === schemaFile.replace(/\.json$/, SUFFIX));
}

async function readTestFile(
  { root }: RegistryPlace,
  definition: Definition,
  name: string,
): Promise<{ readonly file: ReadTestFile | null; readonly findings: readonly Finding[] }> {
  const places = createPlaces();
  const findings: Finding[] = [];
  const report = (code: string, place: Place, message: string, fix: string | null = null) =>
    findings.push({ ...place, severity: 'error', code, message, fix });
  const json = parseSource(name, await readFile(join(root, name), 'utf8'), places, report);
  if (json === undefined) return { file: null, findings };
  if (typeof json !== 'object' || json === null) {
    report('TEST_INVALID', { file: name, line: 1, column: 1, pointer: '' }, 'The file must hold an object');
    return { file: null, findings };
  }
  const placeOf = (pointer: string) => places.place(places.follow(spotOf(json), pointer), 'value');
  for (const { pointer, message } of validate(json) ?? []) {
    report('TEST_INVALID', placeOf(pointer), message, '"entrepot test --help" shows what a test looks like');
  }
  if (findings.length > 0) return { file: null, findings };
  // The schema has just said that it is one.
  const content = json as unknown as RouteTestFile;
  const pack = await packOf(root, posix.dirname(name));
  for (const { pointer, message, fix } of checkNames(content, definition, pack)) {
    report('TEST_INVALID', placeOf(pointer), message, fix);
  }
  if (findings.length > 0) return { file: null, findings };
  const tests = content.tests.map((_test, index) => placeOf(`/tests/${index}`));
  return { file: { name, pack, content, places: tests }, findings };
}

async function packOf(root: string, folder: string): Promise<string | null> {
  const text = await readFile(join(root, folder, 'pack.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const pack: { readonly name?: unknown } = JSON.parse(text);
  return typeof pack.name === 'string' ? pack.name : basename(folder);
}

/** Where the definition's files are, from what was asked for and what was read. */
export function registryPlace(path: string, root: string, files: readonly string[]): RegistryPlace {
  const isFile = dirname(path) === root && files.includes(basename(path));
  return { root, files, schemaFile: isFile ? basename(path) : 'schema.json' };
}
