import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../house/source-files.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The project's own registry. */
export const DEFAULT_REGISTRY: string = ROOT;

/**
 * A registry folder with the project's own packs, whose `schema.json` is the project's own with a merge patch (RFC 7396) applied, below
 * `parent`: by default a folder that goes with the running test.
 */
export function packagesRegistry(patch: object, parent: string = temporaryFolder()): string {
  const folder = join(parent, 'registry');
  const schema = JSON.parse(readFileSync(join(DEFAULT_REGISTRY, 'schema.json'), 'utf8'));
  mkdirSync(folder);
  for (const pack of schema.packs) cpSync(join(DEFAULT_REGISTRY, pack), join(folder, pack), { recursive: true });
  writeFileSync(join(folder, 'schema.json'), JSON.stringify(mergePatch(schema, patch), null, 2));
  return folder;
}

function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
