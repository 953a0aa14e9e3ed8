import type { Definition } from './definition/types.ts';
import type { Vocabulary } from './definition/vocabulary.ts';
import { fail } from './errors/registry-error.ts';
import type { Inside } from './http/inside-routes.ts';
import type { Metrics } from './http/metrics.ts';
import { configOf } from './inspect/config.ts';
import { openApiDocument } from './inspect/openapi.ts';
import { routeRows } from './inspect/routes.ts';
import type { Registry } from './main.ts';

export interface InsideOptions {
  readonly registry: Registry;
  readonly vocabulary: Vocabulary;
  readonly metrics: Metrics;
  /** Reads `/metrics` and nothing else; null: only administrators do. */
  readonly metricsToken: string | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the program itself was told, for `/admin/config`. */
  readonly program: Readonly<Record<string, string | number | null>>;
}

/** What the server shows of a registry, always of the definition that is at work. */
export function insideOf(options: InsideOptions): Inside {
  const { registry, vocabulary, metrics, metricsToken, env, program } = options;
  const startedAt = new Date().toISOString();
  const openApi = lately(registry, (definition) => openApiDocument(definition, vocabulary));
  return {
    metrics,
    metricsToken,
    openApi,
    routes: lately(registry, (definition) => routeRows(definition, vocabulary)),
    config: () => ({ ...configOf(registry.definition, env), program: { ...program, started_at: startedAt } }),
    events(store, after, limit) {
      const names = Object.keys(registry.definition.kvStores);
      const name = store ?? names[0];
      if (name === undefined || !names.includes(name)) fail('NOT_FOUND', 'There is no such record store');
      return registry.runtime.store(name).events(after, limit);
    },
    parts: () => registry.stats(),
    commitRetries: () => registry.runtime.metrics.commitRetries,
  };
}

/** Made when it is first asked for, and again when another definition has taken the place of the one it was made of. */
function lately<T>(registry: Registry, make: (definition: Definition) => T): () => T {
  let made: { readonly of: Definition; readonly value: T } | null = null;
  return () => {
    const { definition } = registry;
    if (made?.of !== definition) made = { of: definition, value: make(definition) };
    return made.value;
  };
}
