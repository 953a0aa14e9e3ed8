import { createHash } from 'node:crypto';
import type { Definition, DocumentDefinition, IndexDefinition } from '../definition/types.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { compileCondition, parseCondition } from '../language/condition.ts';
import type { Frame, PrincipalView } from '../language/frame.ts';
import type { SchemaValidator } from '../language/json-schema.ts';
import { member } from '../language/member.ts';
import { compileKeyCodec, parseKeyTemplate } from '../language/record-key.ts';
import { compileTemplate, parseTemplate } from '../language/template.ts';
import { runPreludes } from '../language/template-text.ts';
import type { CollectionSpec, IndexRow, IndexRows, IndexSpec, Scalar } from '../ports/record-store.ts';
import { TERMS_REVISION, textOf } from '../ports/search-terms.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import { versionSortKey } from '../shared/versions.ts';
import type { DocumentPlan, IndexPlan } from './contract.ts';
import { recordFrame, recordScope } from './record-frame.ts';

/** What the engine knows of a document type beyond its plan. */
export interface DocumentRules {
  readonly plan: DocumentPlan;
  readonly ttlSeconds: number;
  /** Fails with DOCUMENT_INVALID. */
  validate(value: unknown): void;
  /** Digests in the fields declared as `blobs`. */
  digests(value: unknown): readonly string[];
  /** The document's rows in its indexes. */
  project(value: unknown): MaybePromise<IndexRows>;
  /** Null: visible to everybody. */
  readonly visible: ((value: unknown, principal: PrincipalView) => MaybePromise<boolean>) | null;
  readonly collection: CollectionSpec;
}

/** Name of the index, kept by the engine, that finds the documents naming a blob. */
export function blobIndexName(document: string): string {
  return `${document}$blobs`;
}

/** Column of an index that `sort` uses for a field: versions sort by their ordering, everything else by itself. */
function sortColumnOf(field: string): string {
  return field === 'version' ? 'version$order' : columnOf(field);
}

/** `tags[]` is the array column `tags`. */
function columnOf(field: string): string {
  return field.endsWith('[]') ? field.slice(0, -2) : field;
}

/** Compiles every document type and index of a definition, manual indexes with a document of their own among them. */
export function compileDocuments(
  definition: Definition,
  validator: (schemaName: string) => SchemaValidator,
): { readonly documents: ReadonlyMap<string, DocumentRules>; readonly indexes: ReadonlyMap<string, IndexPlan> } {
  const documents = new Map<string, DocumentRules>();
  const indexes = new Map<string, IndexPlan>();
  const declared = Object.values(definition.indexes);
  for (const document of Object.values(definition.documents)) {
    const own = declared.filter((index) => index.document === document.name && index.mode === 'incremental');
    documents.set(document.name, compileDocument(definition, document, own, validator, indexes));
  }
  for (const index of declared) {
    if (index.mode !== 'manual') continue;
    const key = index.keys[0];
    const fields = [
      ...new Set(index.keys.flatMap((entry) => entry.fields).concat((key?.sort ?? []).map((order) => order.field))),
    ];
    const document: DocumentDefinition = {
      name: `$index/${index.name}`,
      store: definition.documents[index.document]?.store ?? Object.keys(definition.kvStores)[0] ?? '',
      keyTemplate: fields.map((field) => `{${columnOf(field)}?}`).join('/'),
      schema: null,
      blobs: [],
      ttlSeconds: 0,
      encrypted: false,
      visibleWhen: null,
    };
    documents.set(document.name, compileDocument(definition, document, [index], validator, indexes));
  }
  return { documents, indexes };
}

function compileDocument(
  definition: Definition,
  document: DocumentDefinition,
  declared: readonly IndexDefinition[],
  validator: (schemaName: string) => SchemaValidator,
  indexes: Map<string, IndexPlan>,
): DocumentRules {
  const codec = compileKeyCodec(parseKeyTemplate(document.keyTemplate));
  const plans: IndexPlan[] = [];
  const plan: DocumentPlan = Object.freeze({
    name: document.name,
    store: document.store,
    encodeKey: codec.encode,
    checkKey: codec.check,
    encodePrefix: codec.prefix,
    decodeKey: codec.decode,
    parts: codec.parts,
    indexes: plans,
  });
  const schema = document.schema === null ? null : (definition.schemas[document.schema] ?? null);
  const projections = declared.map((index) => compileIndex(definition, index, schema));
  for (const { spec, index, row } of projections) {
    const indexPlan: IndexPlan = Object.freeze({
      name: index.name,
      document: plan,
      manual: index.mode === 'manual',
      spec,
      sortColumn: sortColumnOf,
      keys: index.keys.map((key) => ({ name: key.name, fields: key.fields.map(columnOf) })),
      row,
    });
    plans.push(indexPlan);
    indexes.set(index.name, indexPlan);
  }
  const digests = compileDigests(document.blobs);
  const specs = projections.map(({ spec }) => spec);
  if (document.blobs.length > 0) specs.push(blobIndex(document));
  const validate = document.schema === null ? null : validator(document.schema);
  return Object.freeze({
    plan,
    ttlSeconds: document.ttlSeconds,
    validate(value: unknown) {
      const errors = validate?.(value) ?? null;
      if (errors !== null)
        throw new RegistryError('DOCUMENT_INVALID', { details: { document: document.name, errors } });
    },
    digests,
    project: (value: unknown) => projectAll(projections, document, digests, value),
    visible: document.visibleWhen === null ? null : compileVisible(document.visibleWhen),
    collection: Object.freeze({ name: document.name, indexes: specs }),
  });
}

interface Projection {
  readonly index: IndexDefinition;
  readonly spec: IndexSpec;
  /** Null: the record is not in this index. */
  row(value: unknown): MaybePromise<IndexRow | null>;
}

/** Columns are the fields of keys and their sorts, the derived fields, and what sorts versions. */
function compileIndex(definition: Definition, index: IndexDefinition, schema: unknown): Projection {
  const derived = Object.entries(index.derive);
  const fields = new Set<string>(derived.map(([name]) => name));
  const sorted = new Set<string>();
  for (const key of index.keys) {
    for (const field of key.fields) fields.add(field);
    for (const order of key.sort) {
      fields.add(order.field);
      if (order.field === 'version') sorted.add(order.field);
    }
  }
  const isArray = (field: string) =>
    field.endsWith('[]') || member(member(member(schema, 'properties'), field), 'type') === 'array';
  const arrays = [...fields].filter(isArray).map(columnOf);
  const columns = [...fields].filter((field) => !isArray(field)).map(columnOf);
  for (const field of sorted) columns.push(sortColumnOf(field));
  const ordering = definition.versioning.ordering;
  const text = Object.entries(index.text).map(([field, weight]) => ({ column: columnOf(field), weight }));
  const spec: IndexSpec = Object.freeze({
    name: index.name,
    columns,
    arrays,
    ...(text.length === 0 ? {} : { text }),
    keys: index.keys.map((key) => ({
      name: key.name,
      fields: key.fields.map(columnOf),
      sort: key.sort.map((order) => ({ column: sortColumnOf(order.field), descending: order.descending })),
      unique: key.unique,
    })),
    ...(index.filter === null ? {} : { isPartial: true as const }),
    revision: createHash('sha256')
      .update(JSON.stringify([index.derive, index.filter, columns, arrays, ordering, ...contentOf(text)]))
      .digest('hex')
      .slice(0, 16),
  });

  const scope = recordScope();
  const derive = derived.map(([name, json]) => ({
    name: columnOf(name),
    ...compileTemplate(parseTemplate(json), scope),
  }));
  const filter = index.filter === null ? null : compileCondition(parseCondition(index.filter), scope);
  const preludes = [...derive.map((entry) => entry.prelude), filter?.prelude ?? null].filter(
    (prelude) => prelude !== null,
  );
  const derivedNames = new Set(derive.map((entry) => entry.name));
  const plainColumns = [...columns, ...arrays].filter(
    (column) => !derivedNames.has(column) && !column.endsWith('$order'),
  );
  const searched = text.map(({ column }) => column).filter((column) => !columns.concat(arrays).includes(column));

  const build = (value: unknown, frame: Frame): IndexRow | null => {
    if (filter !== null && !filter.test(frame)) return null;
    const row: Record<string, Scalar | readonly Scalar[]> = {};
    for (const { name, evaluate } of derive) row[name] = indexable(evaluate(frame), arrays.includes(name));
    for (const column of plainColumns) row[column] = indexable(dotted(value, column), arrays.includes(column));
    for (const column of searched) row[column] = searchable(dotted(value, column));
    for (const field of sorted) {
      const version = row[field];
      row[sortColumnOf(field)] = typeof version === 'string' ? versionSortKey(ordering, version) : null;
    }
    return row;
  };
  return {
    index,
    spec,
    row(value) {
      const frame = recordFrame(value);
      return whenReady(runPreludes(preludes, frame), () => build(value, frame));
    },
  };
}

/** What decides which terms an index has, beside its columns; nothing where it has no texts. */
function contentOf(text: NonNullable<IndexSpec['text']>): readonly string[] {
  return text.length === 0 ? [] : [TERMS_REVISION, ...text.map(({ column }) => column)];
}

function blobIndex(document: DocumentDefinition): IndexSpec {
  return {
    name: blobIndexName(document.name),
    columns: [],
    arrays: ['digest'],
    keys: [],
    revision: document.blobs.join(' '),
  };
}

function projectAll(
  projections: readonly Projection[],
  document: DocumentDefinition,
  digests: (value: unknown) => readonly string[],
  value: unknown,
): MaybePromise<IndexRows> {
  const rows: Record<string, IndexRow> = {};
  if (document.blobs.length > 0) {
    const named = digests(value);
    if (named.length > 0) rows[blobIndexName(document.name)] = { digest: named };
  }
  let pending: Promise<unknown>[] | null = null;
  for (const { spec, row } of projections) {
    const result = whenReady(row(value), (built) => {
      if (built !== null) rows[spec.name] = built;
    });
    if (result instanceof Promise) {
      pending ??= [];
      pending.push(result);
    }
  }
  return pending === null ? rows : Promise.all(pending).then(() => rows);
}

function compileVisible(json: NonNullable<DocumentDefinition['visibleWhen']>): NonNullable<DocumentRules['visible']> {
  const { test, prelude } = compileCondition(parseCondition(json), recordScope());
  return (value, principal) => {
    const frame = recordFrame(value, principal);
    return prelude === null ? test(frame) : whenReady(prelude(frame), () => test(frame));
  };
}

/** Collects the texts at dotted paths, `[]` standing for each element. */
function compileDigests(paths: readonly string[]): (value: unknown) => readonly string[] {
  if (paths.length === 0) return () => [];
  const split = paths.map((path) =>
    path
      .replaceAll('[]', '.[]')
      .split('.')
      .filter((name) => name !== ''),
  );
  return (value) => {
    const found = new Set<string>();
    const walk = (at: unknown, names: readonly string[], index: number) => {
      const name = names[index];
      if (name === undefined) {
        if (typeof at === 'string') found.add(at);
      } else if (name === '[]') {
        if (Array.isArray(at)) for (const element of at) walk(element, names, index + 1);
      } else walk(member(at, name), names, index + 1);
    };
    for (const names of split) walk(value, names, 0);
    return [...found];
  };
}

function dotted(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.')) at = member(at, name);
  return at;
}

/** What an index can hold of a value: scalars as they are, anything else as null; lists without what is not a scalar. */
function indexable(value: unknown, isArray: boolean): Scalar | readonly Scalar[] {
  if (isArray) return Array.isArray(value) ? value.filter(isScalar) : isScalar(value) && value !== null ? [value] : [];
  return isScalar(value) ? value : null;
}

/** As much of a value as is searched: a text or the texts of a list as one, null for all else. */
function searchable(value: unknown): string | null {
  if (typeof value === 'string') return textOf(value);
  return Array.isArray(value) ? textOf(value.filter(isScalar)) : null;
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
