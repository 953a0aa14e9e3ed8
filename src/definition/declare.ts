import type { LoadContext } from './model.ts';
import { type NameKind, qualify } from './names.ts';
import { isObject, isRemark } from './object-reader.ts';
import { type Spot, spotOf } from './places.ts';
import type { Json, JsonObject } from './types.ts';

/** What record stores keep under its own name. */
const STORED: readonly NameKind[] = ['document', 'index'];

/** Declares every name of `schema.json` (pack null) or of a pack, so that references may stand before what they name. */
export function declareNames(context: LoadContext, json: JsonObject, pack: string | null): void {
  const storage = memberObject(json, 'storage');
  const sections: readonly (readonly [NameKind, JsonObject])[] = [
    ['entity', memberObject(json, 'entities')],
    ['document', memberObject(storage, 'documents')],
    ['schema', memberObject(storage, 'schemas')],
    ['index', memberObject(json, 'indexes')],
    ['pipeline', memberObject(json, 'pipelines')],
    ['access', memberObject(json, 'access')],
    ['error', memberObject(json, 'errors')],
  ];
  const global: readonly (readonly [NameKind, JsonObject])[] = [
    ['kv_store', memberObject(storage, 'kv_stores')],
    ['blob_store', memberObject(storage, 'blob_stores')],
    ['upstream', memberObject(json, 'upstreams')],
  ];
  for (const [kind, section] of pack === null ? [...sections, ...global] : sections) {
    for (const [name, value] of Object.entries(section)) {
      if (isRemark(name, value) || (kind === 'entity' && name === 'versioning')) continue;
      // What `schema.json` says of a pack's access stands in its place.
      if (kind === 'access' && context.names.all(kind).includes(qualify(pack, name))) continue;
      const spot = spotOf(section, name);
      if (STORED.includes(kind) && name.includes('$')) {
        const message = 'Names with "$" are those of what the engine itself keeps in the stores';
        context.reporter.report('SHAPE_INVALID', spot, message, {
          at: 'key',
          fix: `Write "${name.replaceAll('$', '')}"`,
        });
      }
      context.names.declare(kind, pack, name, spot);
    }
  }
  declareListed(context, 'event', pack, memberObject(json, 'events').types);
  if (pack !== null) return;
  declareListed(context, 'scope', null, memberObject(json, 'auth').scopes);
  if (Array.isArray(json.env)) {
    const { env } = json;
    for (const [index, name] of env.entries()) declare(context, 'env', null, name, spotOf(env, index));
  }
}

/** Things that stand in a list and have a `name`. */
function declareListed(context: LoadContext, kind: NameKind, pack: string | null, list: Json | undefined): void {
  if (!Array.isArray(list)) return;
  for (const item of list) if (isObject(item)) declare(context, kind, pack, item.name, spotOf(item, 'name'));
}

function declare(context: LoadContext, kind: NameKind, pack: string | null, name: Json | undefined, spot: Spot): void {
  if (typeof name === 'string' && name !== '') context.names.declare(kind, pack, name, spot);
}

/** An object inside, `{}` when there is none. */
export function memberObject(json: JsonObject, key: string): JsonObject {
  const value = Object.hasOwn(json, key) ? json[key] : undefined;
  return isObject(value) ? value : {};
}
