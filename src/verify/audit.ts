import { createHash } from 'node:crypto';
import type { Definition } from '../definition/types.ts';
import type { IndexPlan } from '../engine/contract.ts';
import type { DocumentRules } from '../engine/documents.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { createSchemaCompiler, type SchemaValidator } from '../language/json-schema.ts';
import type { Filter, IndexRow, StoredRecord } from '../ports/record-store.ts';
import { parseJsonText } from '../shared/parse-json.ts';
import { wordsOf } from '../shared/words.ts';
import type { Difference } from '../trial/differences.ts';
import type { Trial } from '../trial/trial.ts';
import { bytesOf } from './blob-probes.ts';

/** How the places begin that an auditor names. */
export const AUDITED = { record: 'the stored record', log: 'the log of' } as const;

/** Looks over what routes have left in the stores, after each test of them. */
export interface Auditor {
  /** What is not as it must be. */
  inspect(trial: Trial): Promise<readonly Difference[]>;
  /** How much was looked at so far. */
  readonly seen: { records: number; indexed: number; blobs: number; events: number };
  /** Types of the events seen. */
  readonly eventTypes: ReadonlySet<string>;
}

/**
 * Records fit their schema, stand in every index as they should and name blobs that are there and whole; events are of a declared type,
 * fit its schema, come in order, each from one commit that wrote something.
 */
export function createAuditor(): Auditor {
  const seen = { records: 0, indexed: 0, blobs: 0, events: 0 };
  const eventTypes = new Set<string>();

  async function inspectRecord(trial: Trial, rules: DocumentRules, record: StoredRecord): Promise<readonly string[]> {
    const problems: string[] = [];
    const value: unknown = parseJsonText(record.value);
    seen.records++;
    try {
      rules.validate(value);
    } catch (thrown) {
      problems.push(
        `does not fit its schema: ${JSON.stringify(thrown instanceof RegistryError ? thrown.details : null)}`,
      );
    }
    const rows = await rules.project(value);
    for (const index of rules.plan.indexes) {
      const row = rows[index.name];
      if (row === undefined || index.manual) continue;
      for (const { name, fields } of index.keys) {
        seen.indexed++;
        if (!(await isFound(trial, index, fields, row, record.key)))
          problems.push(`is not found by ${name} of ${index.name}`);
      }
      const word = wordOf(index, row);
      if (word === null) continue;
      seen.indexed++;
      if (!(await isHit(trial, index, word, record.key))) problems.push(`is not found by "${word}" in ${index.name}`);
    }
    for (const digest of rules.digests(value)) {
      seen.blobs++;
      if (!(await isWhole(trial, digest))) problems.push(`names the blob ${digest}, which is not there or not whole`);
    }
    return problems;
  }

  return {
    seen,
    eventTypes,
    async inspect(trial) {
      const found: Difference[] = [];
      for (const document of Object.keys(trial.definition.documents)) {
        const rules = trial.runtime.rules(document);
        for (const record of await trial.records(document)) {
          const problems = await inspectRecord(trial, rules, record);
          found.push(
            ...problems.map((actual) => ({ where: `${AUDITED.record} ${record.key}`, expected: 'in order', actual })),
          );
        }
      }
      for (const name of Object.keys(trial.definition.kvStores)) {
        const problems = await inspectEvents(trial, name, (type) => {
          seen.events++;
          eventTypes.add(type);
        });
        found.push(...problems.map((actual) => ({ where: `${AUDITED.log} ${name}`, expected: 'in order', actual })));
      }
      return found;
    },
  };
}

async function isFound(
  { runtime }: Trial,
  index: IndexPlan,
  fields: readonly string[],
  row: IndexRow,
  key: string,
): Promise<boolean> {
  const where = fields.flatMap((column): readonly Filter[] => {
    const value = row[column] ?? null;
    if (typeof value !== 'object' || value === null) return [{ column, op: 'eq', value }];
    // A record whose list is empty is found by none of its elements.
    return value.length === 0 ? [] : [{ column, op: 'all', values: value }];
  });
  const store = runtime.store(index.document.store);
  const query = { collection: index.document.name, index: index.name, where, order: [], limit: 10_000, after: null };
  return (await store.query(query)).records.some((record) => record.key === key);
}

/** Some word of the texts that the index searches. */
function wordOf({ spec }: IndexPlan, row: IndexRow): string | null {
  const texts = (spec.text ?? []).flatMap(({ column }) => row[column] ?? []).filter((text) => typeof text === 'string');
  return wordsOf(texts.join(' ')).next().value?.word ?? null;
}

async function isHit({ runtime }: Trial, index: IndexPlan, text: string, key: string): Promise<boolean> {
  const query = { similar: null, where: [], limit: 10_000, after: null, wantsTotal: false, facets: [] };
  const store = runtime.store(index.document.store);
  const page = await store.search?.({ ...query, collection: index.document.name, index: index.name, text });
  return page?.hits.some((hit) => hit.key === key) ?? false;
}

async function isWhole({ runtime }: Trial, digest: string): Promise<boolean> {
  for (const name of runtime.blobStoreNames) {
    const content = await runtime.blobStore(name).get(digest);
    if (content === null) continue;
    return (
      `sha256:${createHash('sha256')
        .update(await bytesOf(content))
        .digest('hex')}` === digest
    );
  }
  return false;
}

async function inspectEvents(trial: Trial, store: string, saw: (type: string) => void): Promise<readonly string[]> {
  const problems: string[] = [];
  const commits = trial.commits.filter((entry) => entry.store === store);
  let last = { position: 0, version: 0 };
  for (const event of await trial.runtime.store(store).events(0, 10_000)) {
    saw(event.type);
    const name = `${event.type} at ${event.position}`;
    const validator = validatorOf(trial.definition, event.type);
    if (validator === undefined) problems.push(`${name} is of a type that is not declared`);
    const errors = validator?.(parseJsonText(event.payload)) ?? null;
    if (errors !== null) problems.push(`${name} does not fit its schema: ${JSON.stringify(errors)}`);
    if (event.position <= last.position || event.version < last.version) problems.push(`${name} is out of order`);
    last = event;
    const own = commits.filter(({ commit }) => commit.events.some(({ id }) => id === event.id));
    if (own.length !== 1 || own[0]?.version !== event.version) problems.push(`${name} is not of one commit`);
    else if (own[0].commit.puts.length + own[0].commit.deletes.length === 0) problems.push(`${name} tells of no write`);
  }
  return problems;
}

const validators = new WeakMap<Definition['events'], Map<string, SchemaValidator | null>>();

/** Undefined: no such event. Null: any payload will do. */
function validatorOf({ events, schemas }: Definition, type: string): SchemaValidator | null | undefined {
  let known = validators.get(events);
  if (known === undefined) {
    const compiler = createSchemaCompiler(schemas);
    known = new Map(
      Object.values(events).map(({ name, schema }) => [name, schema === null ? null : compiler.compile(schema)]),
    );
    validators.set(events, known);
  }
  return known.get(type);
}
