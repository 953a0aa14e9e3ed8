import type { ServedRegistry } from './served-registry.ts';

/** A value made of a registry's definition, and made anew when another definition has taken its place. */
export function perDefinition<T>(
  registry: ServedRegistry,
  make: (definition: ServedRegistry['definition']) => T,
): () => T {
  let seen = registry.definition;
  let value = make(seen);
  return () => {
    if (registry.definition !== seen) {
      seen = registry.definition;
      value = make(seen);
    }
    return value;
  };
}
