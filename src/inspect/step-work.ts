import type { Json, StepDefinition } from '../definition/types.ts';
import type { IndexPlan } from '../engine/contract.ts';
import type { Filter, IndexQuery, ReadWork, WriteWork } from '../ports/record-store.ts';

/** What a step asks of a record store: reads when it runs, writes at the commit. */
export interface StepWork {
  readonly store: string;
  readonly when: 'now' | 'commit';
  readonly work: ReadWork | WriteWork;
}

/** What is declared of documents and indexes, compiled. */
export interface Declared {
  readonly document: (name: string) => { readonly name: string; readonly store: string } | null;
  readonly index: (name: string) => IndexPlan | null;
  /** Where events go. */
  readonly eventStore: string;
}

/** The work of one step, with samples in place of what only a request knows. Steps inside it have their own. */
export function workOf(step: StepDefinition, declared: Declared): readonly StepWork[] {
  const [family] = step.op.split('.');
  if (family === 'kv') return documentWork(step, declared);
  if (family === 'index') return indexWork(step, declared);
  if (family === 'search') return searchWork(step, declared);
  if (step.op === 'emit.event') return [{ store: declared.eventStore, when: 'commit', work: { kind: 'event' } }];
  return [];
}

function documentWork(step: StepDefinition, declared: Declared): readonly StepWork[] {
  const document = declared.document(String(step.args.doc));
  if (document === null) return [];
  const { store, name: collection } = document;
  const now = (work: ReadWork): StepWork => ({ store, when: 'now', work });
  const atCommit = (kind: 'put' | 'delete'): StepWork => ({ store, when: 'commit', work: { kind, collection } });
  switch (step.op) {
    case 'kv.get':
      return [now({ kind: Object.hasOwn(step.args, 'keys') ? 'getMany' : 'get', collection })];
    case 'kv.list':
      return [now({ kind: 'list', query: { collection, prefix: 'p/', after: null, limit: SAMPLE_LIMIT } })];
    case 'kv.put':
      return [atCommit('put')];
    case 'kv.cas_put':
      return [now({ kind: 'get', collection }), atCommit('put')];
    case 'kv.delete':
      return [now({ kind: 'get', collection }), atCommit('delete')];
    default:
      return [];
  }
}

function indexWork(step: StepDefinition, declared: Declared): readonly StepWork[] {
  const index = declared.index(String(step.args.index));
  if (index === null) return [];
  const { store, name: collection } = index.document;
  if (step.op === 'index.query') {
    const query = sampleQuery(index, step.args);
    const page: StepWork = { store, when: 'now', work: { kind: 'query', query } };
    if (!Object.hasOwn(step.args, 'out_total')) return [page];
    return [page, { store, when: 'now', work: { kind: 'count', query } }];
  }
  // The engine keeps an incremental index itself: these steps then write nothing of their own.
  if (!index.manual) return [];
  return [{ store, when: 'commit', work: { kind: step.op === 'index.delete' ? 'delete' : 'put', collection } }];
}

function searchWork(step: StepDefinition, declared: Declared): readonly StepWork[] {
  const index = declared.index(String(step.args.index));
  if (index === null) return [];
  const facets = Array.isArray(step.args.facets) ? step.args.facets.map(String) : [];
  const { collection, index: name, where, limit } = sampleQuery(index, { ...step.args, key: {} });
  const columns = [...index.spec.columns, ...index.spec.arrays];
  const work: ReadWork = {
    kind: 'search',
    query: {
      collection,
      index: name,
      where,
      limit,
      text: 'two words',
      similar: null,
      after: null,
      wantsTotal: Object.hasOwn(step.args, 'out_total'),
      facets: facets.filter((column) => columns.includes(column)).map((column) => ({ column, limit: SAMPLE_LIMIT })),
    },
  };
  return [{ store: index.document.store, when: 'now', work }];
}

const SAMPLE_LIMIT = 100;

function sampleQuery(index: IndexPlan, args: Readonly<Record<string, Json>>): IndexQuery {
  const key = index.spec.keys.find((candidate) => candidate.name === args.by) ?? index.spec.keys[0];
  const equal = isObject(args.key) ? Object.keys(args.key) : (key?.fields ?? []);
  const where = equal.map((field) => sampleFilter(index, field, 'equal'));
  for (const [field, condition] of Object.entries(isObject(args.where) ? args.where : {})) {
    const operators = isObject(condition) ? Object.keys(condition) : ['equal'];
    where.push(...operators.map((operator) => sampleFilter(index, field, operator)));
  }
  const known = new Set([...index.spec.columns, ...index.spec.arrays]);
  return {
    collection: index.document.name,
    index: index.name,
    where: where.filter(({ column }) => known.has(column)),
    order: sampleOrder(index, args.order) ?? key?.sort ?? [],
    limit: SAMPLE_LIMIT,
    after: null,
  };
}

function sampleFilter(index: IndexPlan, field: string, operator: string): Filter {
  const isArray = index.spec.arrays.includes(field);
  switch (operator) {
    case 'any':
    case 'all':
    case 'in':
      if (isArray) return { column: field, op: operator === 'all' ? 'all' : 'any', values: ['a', 'b'] };
      return { column: field, op: 'in', values: ['a', 'b'] };
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return { column: index.sortColumn(field), op: operator, value: 'a' };
    case 'prefix':
      return { column: field, op: 'prefix', value: 'a' };
    default:
      return isArray ? { column: field, op: 'any', values: ['a'] } : { column: field, op: 'eq', value: 'a' };
  }
}

function sampleOrder(index: IndexPlan, order: Json | undefined): IndexQuery['order'] | null {
  if (!Array.isArray(order)) return null;
  return order.map((entry) => {
    const [field = '', direction] = String(entry).split(':');
    return { column: index.sortColumn(field), descending: direction === 'desc' };
  });
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
