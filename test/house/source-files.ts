import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

export const ROOT = dirname(dirname(import.meta.dirname));

export interface Import {
  /** Relative ones as a path from the root, others as written. */
  readonly target: string;
  readonly relative: boolean;
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

/** Files below a folder of the project, as paths from its root with `/`; none where there is no such folder. */
export function filesBelow(folder: string, extension: string): readonly string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

const IMPORT = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)';/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*'([^']+)'\s*\)/g;

/** What a file imports or passes on. `import { type A }` alone counts as a type import. */
export function importsOf(file: string): readonly Import[] {
  const text = textOf(file);
  const found = [
    ...[...text.matchAll(IMPORT)].map((match) => ({
      from: match[2]!,
      typeOnly: match[1] !== undefined || onlyTypes(match[0]),
    })),
    ...[...text.matchAll(DYNAMIC_IMPORT)].map((match) => ({ from: match[1]!, typeOnly: false })),
  ];
  return found.map(({ from, typeOnly }) => {
    const isRelative = from.startsWith('.');
    return { target: isRelative ? posix.join(posix.dirname(file), from) : from, relative: isRelative, typeOnly };
  });
}

function onlyTypes(statement: string): boolean {
  const names = /\{([^}]*)\}/
    .exec(statement)?.[1]
    ?.split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  return names !== undefined && names.length > 0 && names.every((name) => name.startsWith('type '));
}
