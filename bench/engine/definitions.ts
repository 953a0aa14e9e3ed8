import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PROJECT = join(import.meta.dirname, '../..');
const PACK = 'routes/packages';

interface RouteFile {
  readonly id: string;
  readonly path: string | readonly string[];
}

/** A registry in a folder with so many routes: the packages' own over and over, each time below another prefix. */
export function writeDefinition(folder: string, count: number): string {
  const routes = readdirSync(join(PROJECT, PACK))
    .filter((name) => name.endsWith('.json') && !name.endsWith('.test.json') && name !== 'pack.json')
    .sort()
    .map((name) => readJson<RouteFile>(join(PROJECT, PACK, name)));
  mkdirSync(join(folder, PACK), { recursive: true });
  cpSync(join(PROJECT, PACK, 'pack.json'), join(folder, PACK, 'pack.json'));
  // Its invariants name routes by their ids.
  const { invariants: _, ...schema } = readJson<{ readonly invariants?: unknown }>(join(PROJECT, 'schema.json'));
  writeJson(join(folder, 'schema.json'), { ...schema, packs: [PACK] });
  for (let index = 0; index < count; index++) {
    const route = routes[index % routes.length];
    if (route === undefined) throw new Error(`${PACK} has no routes`);
    const prefix = `/group-${Math.floor(index / routes.length)}`;
    const path = [route.path].flat().map((own) => prefix + own);
    const id = `${route.id}_${index}`;
    writeJson(join(folder, PACK, `${id}.json`), { ...route, id, path });
  }
  return folder;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8'));
}

function writeJson(path: string, value: object): void {
  writeFileSync(path, JSON.stringify(value, null, 2));
}
