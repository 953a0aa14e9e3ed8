import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';
import { licencesOf } from './licences.ts';

/**
 * Builds `dist/`: what the package runs. The sources and their libraries become a few files, because finding, reading and linking more
 * than a thousand took half of a start. Not minified: stack traces name functions, and each part says which file it was.
 */

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

/**
 * Stay as they are installed: what has files beside its code (a native addon, WebAssembly), and what is loaded only where a definition
 * names a PostgreSQL server.
 */
const EXTERNAL = ['better-sqlite3', '@electric-sql/pglite', 'pg', 'pg-native'];

/** The program, and each thread: a thread is started by its file, which bears its name beside the others. */
const threads = globSync('src/**/*-thread.ts', { cwd: ROOT });
const entries = Object.fromEntries([
  ['entrepot', 'src/cli/main.ts'],
  ...threads.map((path): [string, string] => [basename(path, '.ts'), path]),
]);

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
const bundle = await rolldown({
  cwd: ROOT,
  input: entries,
  platform: 'node',
  external: [/^node:/, ...EXTERNAL],
  // The file that Node would take is one that finds its parts at run time.
  resolve: { alias: { 'jsonc-parser': join(ROOT, 'node_modules/jsonc-parser/lib/esm/main.js') } },
  onLog(level, log) {
    if (level !== 'debug' && level !== 'info') throw new Error(log.message);
  },
});
const { output } = await bundle.write({
  dir: DIST,
  format: 'esm',
  // All in one folder: what stood beside a source in the sources stands beside it here.
  entryFileNames: '[name].js',
  chunkFileNames: 'part-[name]-[hash].js',
});
await bundle.close();
const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
writeFileSync(join(DIST, 'LICENSES.txt'), licencesOf(modules));
