import type { JsonObject } from '../types.ts';
import type { Vocabulary } from '../vocabulary.ts';
import { OPERATION } from './operation.ts';
import { PACK, REGISTRY } from './registry.ts';
import { ROUTE_FILE } from './sections.ts';
import { stepParts } from './steps.ts';

/** Kinds of files that a registry and its vocabulary are made of. */
export const FILE_KINDS = ['registry', 'pack', 'route', 'operation'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

const TITLES: Readonly<Record<FileKind, string>> = {
  registry: 'schema.json of a registry',
  pack: 'pack.json',
  route: 'A route file',
  operation: 'The definition of an operation',
};

/**
 * The JSON Schema (2020-12) of a kind of file, built from the definitions of the operations, for completion and hover in an editor.
 * It says what can be said without looking at other files; `check` says the rest. Editors that know draft-07 only understand it, too.
 */
export function fileSchema(kind: FileKind, vocabulary: Vocabulary): JsonObject {
  const head = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: TITLES[kind] };
  if (kind === 'operation') return { ...head, ...OPERATION };
  const body = { registry: REGISTRY, pack: PACK, route: ROUTE_FILE }[kind];
  return { ...head, ...body, $defs: stepParts(vocabulary) };
}
