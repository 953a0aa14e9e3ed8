/** The words that the definition of an operation may use; see `vocabulary.ts` for what they mean. */
export const ARGUMENT_KINDS = [
  'template',
  'literal',
  'regex',
  'bind',
  'bindings',
  'reference',
  'source',
  'condition',
  'pipeline',
  'key',
  'schema',
] as const;
export const REFERENCE_TARGETS = [
  'document',
  'index',
  'blob_store',
  'entity',
  'upstream',
  'pipeline',
  'event',
  'scope',
  'access',
] as const;
export const EFFECTS = ['pure', 'read', 'write', 'once', 'deferred', 'control', 'respond'] as const;
