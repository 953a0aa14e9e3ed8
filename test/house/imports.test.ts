import { describe, expect, test } from 'vitest';
import { filesBelow, importsOf } from './source-files.ts';

/** Who may import whom. `types` of a folder: type imports only. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  errors: ['shared'],
  ports: ['errors', 'shared'],
  language: ['errors', 'shared'],
  definition: ['language', 'errors', 'shared'],
  adapters: ['ports', 'errors', 'shared'],
  engine: ['definition', 'language', 'ports', 'errors', 'shared'],
  operations: ['engine', 'definition types', 'language', 'ports types', 'identity', 'errors', 'shared'],
  identity: ['ports types', 'errors', 'shared'],
  jobs: ['engine', 'ports types', 'errors', 'shared'],
  http: ['engine', 'identity', 'errors', 'shared'],
  inspect: ['engine', 'definition', 'language', 'ports types', 'errors', 'shared'],
  sdk: ['main', 'engine types', 'errors', 'shared'],
  moving: ['ports types', 'errors', 'shared'],
  scaffold: ['errors', 'shared'],
  workers: ['errors', 'shared'],
  seed: ['sdk', 'language', 'errors', 'shared'],
  trial: ['main', 'operations', 'engine', 'definition', 'language', 'ports types', 'errors', 'shared'],
  'route-tests': ['trial', 'main', 'engine', 'definition', 'language', 'ports types', 'errors', 'shared'],
  verify: [
    'route-tests',
    'trial',
    'main',
    'operations',
    'engine',
    'definition',
    'language',
    'ports types',
    'errors',
    'shared',
  ],
  cli: [
    'main',
    'inspect',
    'seed',
    'scaffold',
    'route-tests',
    'verify',
    'http',
    'workers',
    'sdk',
    'definition',
    'errors',
    'shared',
  ],
  console: ['main', 'sdk', 'definition', 'errors', 'shared'],
  // The files right under src/: the composition root.
  main: [
    'adapters',
    'definition',
    'engine',
    'errors',
    'http',
    'identity',
    'inspect',
    'jobs',
    'language',
    'moving',
    'operations',
    'ports',
    'shared',
  ],
};

/** Which folder each library is for; no other may know it. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  hono: ['http'],
  'prom-client': ['http'],
  '@hono/node-server': ['http'],
  pino: ['cli'],
  'better-sqlite3': ['adapters'],
  kysely: ['adapters'],
  'tar-stream': ['moving'],
  yauzl: ['operations'],
  pg: ['adapters'],
  '@electric-sql/pglite': ['adapters'],
  'lru-cache': ['adapters', 'identity'],
  jose: ['identity'],
  'rate-limiter-flexible': ['identity'],
  undici: ['adapters'],
  'ipaddr.js': ['adapters', 'identity'],
  ajv: ['language'],
  jsonata: ['language'],
  re2js: ['language'],
  semver: ['shared', 'language'],
  stemmer: ['shared'],
  'jsonc-parser': ['scaffold', 'definition', 'language'],
};

const files = filesBelow('src', '.ts');

function folderOf(file: string): string {
  const parts = file.split('/');
  return parts.length > 2 ? parts[1]! : 'main';
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

describe('imports', () => {
  test('stay inside the table of folders', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const from = folderOf(file);
      for (const { target, relative, typeOnly } of importsOf(file)) {
        if (!relative) continue;
        const to = target.startsWith('src/') ? folderOf(target) : target;
        const allowed = TABLE[from] ?? [];
        if (to === from || allowed.includes(to) || (typeOnly && allowed.includes(`${to} types`))) continue;
        wrong.push(`${file} imports ${target}${typeOnly ? ' (types)' : ''}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('of libraries stay in the folder that the library is for', () => {
    const wrong: string[] = [];
    for (const file of files) {
      for (const { target, relative } of importsOf(file)) {
        if (relative || target.startsWith('node:')) continue;
        if (!(LIBRARIES[packageOf(target)] ?? []).includes(folderOf(file))) wrong.push(`${file} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('of operations see nothing of the engine but its contract', () => {
    const wrong = files
      .filter((file) => folderOf(file) === 'operations')
      .flatMap((file) => importsOf(file).map(({ target }) => ({ file, target })))
      .filter(({ target }) => target.startsWith('src/engine/') && !/\/(contract|exchange)\.ts$/.test(target));
    expect(wrong).toEqual([]);
  });

  test('at run time make no cycles', () => {
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]) => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      state.set(file, 'open');
      for (const { target, relative, typeOnly } of importsOf(file)) {
        if (relative && !typeOnly && target.startsWith('src/')) visit(target, [...path, file]);
      }
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  test('name files as they are: relative ones end in .ts, and the table knows every folder', () => {
    const strange = files.flatMap((file) =>
      importsOf(file)
        .filter(({ target, relative }) => relative && !target.endsWith('.ts'))
        .map(({ target }) => `${file} imports ${target}`),
    );
    expect(strange).toEqual([]);
    expect(files.map(folderOf).filter((folder) => !(folder in TABLE))).toEqual([]);
  });
});
