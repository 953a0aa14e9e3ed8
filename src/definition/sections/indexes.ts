import type { LoadContext, Model } from '../model.ts';
import { qualify } from '../names.ts';
import { isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { IndexDefinition, IndexKeyDefinition, Json } from '../types.ts';

const SORT = /^([^:]+)(?::(asc|desc))?$/;

/** Reads `indexes` of `schema.json` or of a pack into the model. */
export function readIndexes(context: LoadContext, model: Model, owner: ObjectReader, pack: string | null): void {
  const indexes = owner.object('indexes') ?? {};
  for (const [name, json] of Object.entries(indexes)) {
    if (isRemark(name, json)) continue;
    const qualified = qualify(pack, name);
    const index = readIndex(context, model, json, qualified, pack, spotOf(indexes, name));
    if (index === null) continue;
    model.indexes[qualified] = index;
    model.indexJson.push({ name: qualified, json });
  }
}

function readIndex(
  context: LoadContext,
  model: Model,
  json: Json,
  name: string,
  pack: string | null,
  spot: Spot,
): IndexDefinition | null {
  const { reporter, names } = context;
  const reader = openObject(json, spot, reporter);
  if (reader === null) return null;
  const source = reader.requiredText('source_document');
  const document = source === '' ? '' : names.resolve('document', pack, source, reader.at('source_document'));
  const keys = readKeys(context, reader);
  const derive = reader.map('derive', (value, _, valueSpot) => {
    model.loose.push({ kind: 'template', json: value, spot: valueSpot, names: ['record'] });
    return value;
  });
  const filter = reader.object('filter');
  if (filter !== null)
    model.loose.push({ kind: 'condition', json: filter, spot: reader.at('filter'), names: ['record'] });
  const text = reader.map('text', (weight, field, weightSpot) => readWeight(context, weight, field, weightSpot));
  if (Object.keys(text).length > MAX_TEXTS)
    reporter.report('SHAPE_INVALID', reader.at('text'), `An index searches ${MAX_TEXTS} fields at most`, { at: 'key' });
  if (new Set(Object.values(text)).size > MAX_WEIGHTS) {
    const message = `An index has ${MAX_WEIGHTS} different weights at most`;
    reporter.report('SHAPE_INVALID', reader.at('text'), message, {
      fix: 'Give some fields the same weight',
      at: 'key',
    });
  }
  const materialization = reader.child('materialization');
  const mode = materialization?.choice('mode', ['incremental', 'manual'], 'incremental') ?? 'incremental';
  materialization?.choice('trigger', ['on_commit', 'manual'], 'on_commit');
  materialization?.finish();
  reader.finish();
  return { name, document, keys, derive, filter, text, mode };
}

/** As record stores take them: see `TextColumn`. */
const MAX_TEXTS = 16;
const MAX_WEIGHTS = 4;
const MAX_WEIGHT = 1000;

function readWeight({ reporter }: LoadContext, weight: Json, field: string, spot: Spot): number | undefined {
  if (isRemark(field, weight)) return undefined;
  if (typeof weight === 'number' && weight > 0 && weight <= MAX_WEIGHT) return weight;
  reporter.report('SHAPE_INVALID', spot, `A weight is a number above 0 and up to ${MAX_WEIGHT}`);
  return undefined;
}

function readKeys(context: LoadContext, owner: ObjectReader): readonly IndexKeyDefinition[] {
  owner.require('keys');
  const seen = new Set<string>();
  return owner.list('keys', (json, spot) => {
    const reader = openObject(json, spot, context.reporter);
    if (reader === null) return undefined;
    const name = reader.requiredText('name');
    if (seen.has(name))
      context.reporter.report('DUPLICATE_ID', reader.at('name'), `The index has a second key "${name}"`);
    seen.add(name);
    const fields = reader.texts('fields');
    const sort = reader.list('sort', (item, itemSpot) => readSort(context, item, itemSpot));
    const unique = reader.boolean('unique', false);
    if (!reader.has('fields') && !reader.has('sort')) reader.require('fields');
    reader.finish();
    return { name, fields, sort, unique };
  });
}

function readSort(context: LoadContext, json: Json, spot: Spot): IndexKeyDefinition['sort'][number] | undefined {
  const parts = typeof json === 'string' ? SORT.exec(json) : null;
  const field = parts?.[1];
  if (field !== undefined) return { field, descending: parts?.[2] === 'desc' };
  context.reporter.report('SHAPE_INVALID', spot, 'A sort is a field, "field:asc" or "field:desc"');
  return undefined;
}
