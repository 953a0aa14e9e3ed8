import { suggest } from './nearest.ts';
import { memberOf, type Spot } from './places.ts';
import type { Reporter } from './reporter.ts';
import type { Json } from './types.ts';

/** What can be declared by name. `kv_store`, `blob_store`, `upstream`, `scope` and `env` are never local to a pack. */
export type NameKind =
  | 'document'
  | 'index'
  | 'entity'
  | 'pipeline'
  | 'event'
  | 'schema'
  | 'kv_store'
  | 'blob_store'
  | 'upstream'
  | 'scope'
  | 'access'
  | 'error'
  | 'env';

/** All declared names. A pack `books` that declares the document `title` declares `books.title`. */
export interface Names {
  /** Reports DUPLICATE_ID when the qualified name is taken. Returns the qualified name. */
  declare(kind: NameKind, pack: string | null, name: string, spot: Spot): string;
  /** The qualified name that `name` means inside the pack: the pack's own first, else the global one. Null when there is none. */
  find(kind: NameKind, pack: string | null, name: string): string | null;
  /** As `find`; reports REFERENCE_UNKNOWN and returns the name itself when there is none. */
  resolve(kind: NameKind, pack: string | null, name: string, spot: Spot): string;
  /** The JSON of what is declared under a qualified name. */
  declaration(kind: NameKind, name: string): Json | undefined;
  all(kind: NameKind): readonly string[];
}

const LABELS: Readonly<Record<NameKind, string>> = {
  document: 'document',
  index: 'index',
  entity: 'entity',
  pipeline: 'pipeline',
  event: 'event type',
  schema: 'schema',
  kv_store: 'kv store',
  blob_store: 'blob store',
  upstream: 'upstream',
  scope: 'scope',
  access: 'access',
  error: 'error',
  env: 'environment variable',
};

const SECTIONS: Readonly<Record<NameKind, string>> = {
  document: 'storage.documents',
  index: 'indexes',
  entity: 'entities',
  pipeline: 'pipelines',
  event: 'events.types',
  schema: 'storage.schemas',
  kv_store: 'storage.kv_stores',
  blob_store: 'storage.blob_stores',
  upstream: 'upstreams',
  scope: 'auth.scopes',
  access: 'access',
  error: 'errors',
  env: 'env',
};

export function createNames(reporter: Reporter): Names {
  const declared = new Map<NameKind, Map<string, Spot>>();
  const of = (kind: NameKind): Map<string, Spot> => {
    const known = declared.get(kind) ?? new Map<string, Spot>();
    declared.set(kind, known);
    return known;
  };

  function find(kind: NameKind, pack: string | null, name: string): string | null {
    const known = of(kind);
    if (pack !== null && known.has(`${pack}.${name}`)) return `${pack}.${name}`;
    return known.has(name) ? name : null;
  }

  return {
    declare(kind, pack, name, spot) {
      const qualified = qualify(pack, name);
      const known = of(kind);
      if (known.has(qualified)) {
        const message = `There is a second ${LABELS[kind]} "${qualified}"`;
        reporter.report('DUPLICATE_ID', spot, message, { at: 'key', fix: 'Give one of them another name' });
      }
      known.set(qualified, spot);
      return qualified;
    },
    find,
    resolve(kind, pack, name, spot) {
      const found = find(kind, pack, name);
      if (found !== null) return found;
      const local = pack === null ? [] : [...of(kind).keys()].filter((known) => known.startsWith(`${pack}.`));
      const candidates = [...local.map((known) => known.slice((pack ?? '').length + 1)), ...of(kind).keys()];
      const fix = suggest(name, candidates) ?? `Declare it under "${SECTIONS[kind]}"`;
      reporter.report('REFERENCE_UNKNOWN', spot, `There is no ${LABELS[kind]} "${name}"`, { fix });
      return name;
    },
    declaration(kind, name) {
      const spot = of(kind).get(name);
      return spot === undefined ? undefined : memberOf(spot);
    },
    all: (kind) => [...of(kind).keys()],
  };
}

export function qualify(pack: string | null, name: string): string {
  return pack === null ? name : `${pack}.${name}`;
}
