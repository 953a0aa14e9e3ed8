import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import { mergeJson } from './merge-json.ts';
import { fillTemplate, isPlainName } from './template.ts';

export interface Scaffold {
  /** Folder of the registry: what holds `schema.json`. */
  readonly registry: string;
  /** Folder of the templates. */
  readonly templates: string;
}

/** What was written, relative to the registry, and what to call to see it work. */
export interface Written {
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly tryIt: string;
}

export type RouteTemplate = 'plain' | 'read' | 'write' | 'proxy';
export const ROUTE_TEMPLATES: readonly RouteTemplate[] = ['plain', 'read', 'write', 'proxy'];

/**
 * A pack: its folder with one route that answers, named in `schema.json`, which is made where there is none.
 * Fails with ALREADY_EXISTS or VALUE_INVALID; nothing is written then.
 */
export async function newPack(scaffold: Scaffold, name: string): Promise<Written> {
  checkName(name);
  const { registry, templates } = scaffold;
  const schema = join(registry, 'schema.json');
  const known = await exists(schema);
  const text = known ? await readFile(schema, 'utf8') : await fillTemplate(templates, 'registry.json', {});
  const folder = join('routes', name);
  await refuseExisting(registry, folder);
  const merged = mergeJson(text, { packs: [folder] });
  const files = new Map<string, string>();
  for (const file of await readdir(join(templates, 'pack'))) {
    const target = file === 'pack.json' ? file : `${name}_${file}`;
    files.set(join(folder, target), await fillTemplate(templates, join('pack', file), { NAME: name }));
  }
  await writeNew(registry, files);
  await writeFile(schema, merged);
  return {
    created: [...files.keys(), ...(known ? [] : ['schema.json'])],
    changed: known ? ['schema.json'] : [],
    tryIt: `GET /${name}/hello/world`,
  };
}

/** A route in a pack, from one of the route templates. `entity` and `upstream` are what the template is filled with where it needs one. */
export async function newRoute(
  scaffold: Scaffold,
  pack: string,
  id: string,
  template: RouteTemplate,
  words: { readonly entity: string | null; readonly upstream: string | null },
): Promise<Written> {
  checkName(id);
  const { registry, templates } = scaffold;
  const folder = await packFolder(registry, pack);
  const fillings: Record<string, string> = { NAME: id };
  if (template === 'read' || template === 'write') fillings.ENTITY = need(words.entity, '--entity', template);
  if (template === 'proxy') fillings.UPSTREAM = need(words.upstream, '--upstream', template);
  const source = template === 'plain' ? 'route.json' : `pipeline_${template}.json`;
  const file = join(folder, `${id}.json`);
  await refuseExisting(registry, file);
  const text = await fillTemplate(templates, source, fillings);
  await writeNew(registry, new Map([[file, text]]));
  const route = JSON.parse(text) as { method: string; path: string };
  return { created: [file], changed: [], tryIt: `${route.method} ${(await mountOf(registry, folder)) + route.path}` };
}

/** An entity in a pack: entity, document, schema, index and event merged into `pack.json`, and routes to read and write it. */
export async function newEntity(scaffold: Scaffold, pack: string, name: string): Promise<Written> {
  checkName(name);
  const { registry, templates } = scaffold;
  const folder = await packFolder(registry, pack);
  const store = await firstStore(registry);
  const { description: _, ...addition } = JSON.parse(
    await fillTemplate(templates, 'entity.json', { NAME: name, STORE: store }),
  );
  const packFile = join(registry, folder, 'pack.json');
  const merged = mergeJson(await readFile(packFile, 'utf8'), addition);
  const files = new Map<string, string>();
  for (const [kind, id] of [
    ['read', `get_${name}`],
    ['write', `put_${name}`],
  ] as const) {
    const file = join(folder, `${id}.json`);
    await refuseExisting(registry, file);
    files.set(file, await fillTemplate(templates, `pipeline_${kind}.json`, { NAME: id, ENTITY: name }));
  }
  await writeNew(registry, files);
  await writeFile(packFile, merged);
  return {
    created: [...files.keys()],
    changed: [relative(registry, packFile)],
    tryIt: `PUT ${await mountOf(registry, folder)}/${name}/first  {"title": "..."}`,
  };
}

/** One of the templates that is merged into `schema.json`: a blob store, a scope, an upstream. */
export async function newSection(
  scaffold: Scaffold,
  kind: 'blob_store' | 'auth_scope' | 'upstream',
  name: string,
): Promise<Written> {
  checkName(name);
  const schema = join(scaffold.registry, 'schema.json');
  const { description: _, ...addition } = JSON.parse(
    await fillTemplate(scaffold.templates, `${kind}.json`, { NAME: name, UPSTREAM_URL: `${name.toUpperCase()}_URL` }),
  );
  await writeFile(schema, mergeJson(await readFile(schema, 'utf8'), addition));
  return { created: [], changed: ['schema.json'], tryIt: 'entrepot check' };
}

async function packFolder(registry: string, pack: string): Promise<string> {
  const { packs = [] } = JSON.parse(await readFile(join(registry, 'schema.json'), 'utf8')) as { packs?: string[] };
  for (const folder of packs) if ((await packOf(registry, folder)).name === pack) return folder;
  throw new RegistryError('NOT_FOUND', { message: `This registry has no pack "${pack}"` });
}

async function packOf(registry: string, folder: string): Promise<{ name: string; mount?: string | string[] }> {
  return JSON.parse(await readFile(join(registry, folder, 'pack.json'), 'utf8'));
}

async function mountOf(registry: string, folder: string): Promise<string> {
  const { mount = '' } = await packOf(registry, folder);
  return (typeof mount === 'string' ? mount : (mount[0] ?? '')).replace(/\/$/, '');
}

async function firstStore(registry: string): Promise<string> {
  const schema = JSON.parse(await readFile(join(registry, 'schema.json'), 'utf8'));
  const [store] = Object.keys(schema.storage?.kv_stores ?? {});
  if (store === undefined) throw new RegistryError('VALUE_INVALID', { message: 'schema.json declares no kv store' });
  return store;
}

async function writeNew(registry: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [file, text] of files) {
    await mkdir(dirname(join(registry, file)), { recursive: true });
    await writeFile(join(registry, file), text, { flag: 'wx' });
  }
}

async function refuseExisting(registry: string, path: string): Promise<void> {
  if (await exists(join(registry, path)))
    throw new RegistryError('ALREADY_EXISTS', { message: `${path} is there already` });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function checkName(name: string): void {
  if (isPlainName(name)) return;
  throw new RegistryError('VALUE_INVALID', { message: `"${name}" is not a name: small letters, digits and _` });
}

function need(value: string | null, option: string, template: string): string {
  if (value !== null) return value;
  throw new RegistryError('VALUE_INVALID', { message: `The template "${template}" needs ${option}` });
}
