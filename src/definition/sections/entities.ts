import type { LoadContext, Model } from '../model.ts';
import { qualify } from '../names.ts';
import { isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { EntityDefinition, EntityFieldDefinition, Json, VersioningDefinition } from '../types.ts';

const FIELD_TYPES = ['string', 'integer', 'number', 'boolean', 'object', 'array'] as const;
const ORDERINGS = ['semver', 'natural', 'text'] as const;
const NORMALIZERS = /^(trim|lower|upper|replace:[^:]+:[^:]*)$/;

/** Reads `entities` of `schema.json` or of a pack into the model. */
export function readEntities(context: LoadContext, model: Model, owner: ObjectReader, pack: string | null): void {
  const entities = owner.object('entities') ?? {};
  for (const [name, json] of Object.entries(entities)) {
    if (name === 'versioning' || isRemark(name, json)) continue;
    const entity = readEntity(context, model, json, qualify(pack, name), spotOf(entities, name));
    if (entity !== null) model.entities[entity.name] = entity;
  }
  if (pack !== null && Object.hasOwn(entities, 'versioning')) {
    const fix = 'Move it to "entities" of schema.json';
    context.reporter.report('UNKNOWN_KEY', spotOf(entities, 'versioning'), 'Versioning is one for the whole registry', {
      fix,
      at: 'key',
    });
  }
}

function readEntity(context: LoadContext, model: Model, json: Json, name: string, spot: Spot): EntityDefinition | null {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return null;
  reader.require('fields');
  const fields = reader.map('fields', (field, key, fieldSpot) =>
    isRemark(key, field) ? undefined : readField(context, field, fieldSpot),
  );
  const known = Object.keys(fields);
  const checkField = (field: Json | undefined, fieldSpot: Spot): void => {
    if (typeof field !== 'string' || field === '' || known.includes(field)) return;
    const fix = `Fields: ${known.join(', ')}`;
    context.reporter.report('REFERENCE_UNKNOWN', fieldSpot, `The entity has no field "${field}"`, { fix });
  };
  const primaryKey = reader.texts('primary_key');
  const keyJson = reader.json.primary_key;
  if (Array.isArray(keyJson)) for (const [index, field] of keyJson.entries()) checkField(field, spotOf(keyJson, index));
  const constraints = reader.list('constraints', (item, itemSpot) => {
    const constraint = openObject(item, itemSpot, context.reporter);
    if (constraint === null) return undefined;
    const field = constraint.requiredText('field');
    checkField(field, constraint.at('field'));
    const regex = constraint.requiredText('regex');
    model.loose.push({ kind: 'regex', json: regex, spot: constraint.at('regex'), names: [] });
    const whenPresent = constraint.boolean('when_present', false);
    constraint.finish();
    return { field, regex, whenPresent };
  });
  reader.finish();
  return { name, fields, primaryKey, constraints };
}

function readField(context: LoadContext, json: Json, spot: Spot): EntityFieldDefinition | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const type = reader.choice('type', FIELD_TYPES, 'string');
  const optional = reader.boolean('optional', false);
  const normalize = reader.list('normalize', (item, itemSpot) => {
    if (typeof item === 'string' && NORMALIZERS.test(item)) return item;
    const fix = 'One of: trim, lower, upper, replace:from:to';
    context.reporter.report('SHAPE_INVALID', itemSpot, 'This is not a normalization', { fix });
    return undefined;
  });
  reader.finish();
  return { type, optional, normalize };
}

/** `entities.versioning` of `schema.json`. Without it versions sort as semver and there is no policy. */
export function readVersioning(owner: ObjectReader): VersioningDefinition {
  const reader = owner.child('entities')?.child('versioning') ?? null;
  const scheme = reader?.text('scheme', 'semver') ?? 'semver';
  const byScheme = ORDERINGS.find((ordering) => ordering === scheme) ?? 'text';
  const ordering = reader?.choice('ordering', ORDERINGS, byScheme) ?? byScheme;
  const allowPrerelease = reader?.boolean('allow_prerelease', true) ?? true;
  const policy = reader?.child('latest_policy') ?? null;
  const latestPolicy = {
    enabled: policy?.boolean('enabled', true) ?? false,
    monotonic: policy?.boolean('monotonic', false) ?? false,
    excludePrerelease: policy?.boolean('exclude_prerelease', false) ?? false,
  };
  policy?.finish();
  reader?.finish();
  return { scheme, ordering, allowPrerelease, latestPolicy };
}
