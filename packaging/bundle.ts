import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';

const ROOT = join(import.meta.dirname, '..');

/**
 * Stay as they are installed: what has files beside its code (a native addon, WebAssembly), and what is loaded only where a definition
 * names a PostgreSQL server.
 */
const EXTERNAL = ['better-sqlite3', '@electric-sql/pglite', 'pg', 'pg-native'];

/**
 * Writes programs, with the libraries that they use, to a few files in a folder: finding, reading and linking more than a thousand takes half of
 * a start. `programs` are sources by the names of their files. Each thread's file stands beside them, by its own name. Not minified: stack
 * traces name functions, and each part says which file it was. Gives the paths of all modules.
 */
export async function bundle(folder: string, programs: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const threads = globSync('src/**/*-thread.ts', { cwd: ROOT });
  const input = { ...programs, ...Object.fromEntries(threads.map((path) => [basename(path, '.ts'), path])) };
  const bundled = await rolldown({
    cwd: ROOT,
    input,
    platform: 'node',
    external: [/^node:/, ...EXTERNAL],
    // The file that Node would take is one that finds its parts at run time.
    resolve: { alias: { 'jsonc-parser': join(ROOT, 'node_modules/jsonc-parser/lib/esm/main.js') } },
    onLog(level, log) {
      if (level !== 'debug' && level !== 'info') throw new Error(log.message);
    },
  });
  const { output } = await bundled.write({
    dir: folder,
    format: 'esm',
    // All in one folder: what stood beside a source in the sources stands beside it here.
    entryFileNames: '[name].js',
    chunkFileNames: 'part-[name]-[hash].js',
  });
  await bundled.close();
  return output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
}
