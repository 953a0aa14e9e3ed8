import type { LoadContext, Model } from '../model.ts';
import { qualify } from '../names.ts';
import { isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import { resolveSchemaRefs } from '../schema-refs.ts';
import { readSteps } from '../steps.ts';
import type { EventDefinition } from '../types.ts';
import { notRun } from './not-run.ts';
import { checkShape, SHAPES } from './shapes.ts';

/** Reads `events` of `schema.json` or of a pack into the model. */
export function readEvents(context: LoadContext, model: Model, owner: ObjectReader, pack: string | null): void {
  const events = owner.child('events');
  events?.list('types', (json, spot): EventDefinition | undefined => {
    const reader = openObject(json, spot, context.reporter);
    if (reader === null) return undefined;
    const name = qualify(pack, reader.requiredText('name'));
    const durable = reader.boolean('durable', true);
    const written = reader.object('schema');
    const schema = written === null ? null : resolveSchemaRefs(context, pack, written);
    if (written !== null && schema !== null) {
      model.loose.push({ kind: 'schema', json: written, resolved: schema, spot: reader.at('schema'), names: [] });
    }
    reader.finish();
    const event = { name, durable, schema };
    model.events[name] = event;
    return event;
  });
  events?.finish();
}

/** `replication`: only its apply pipelines are looked into; nothing runs them yet. */
export function readReplication(context: LoadContext, model: Model, owner: ObjectReader): void {
  const reader = owner.child('replication');
  if (reader === null) return;
  notRun(context, owner.at('replication'), 'Replication');
  checkShape(context, reader.json, SHAPES.replication, reader.spot);
  const { log } = reader.json;
  const logReader = log === undefined ? null : reader.child('log');
  const store = logReader?.text('store', null) ?? null;
  if (store !== null && logReader !== null) context.names.resolve('kv_store', null, store, logReader.at('store'));
  const mapping = reader.child('replay')?.object('apply_pipelines') ?? {};
  const pipelines = reader.object('apply_pipelines') ?? {};
  for (const [event, pipeline] of Object.entries(mapping)) {
    context.names.resolve('event', null, event, spotOf(mapping, event));
    if (typeof pipeline === 'string' && !Object.hasOwn(pipelines, pipeline)) {
      const message = `There is no apply pipeline "${pipeline}"`;
      context.reporter.report('REFERENCE_UNKNOWN', spotOf(mapping, event), message);
    }
  }
  for (const [name, steps] of Object.entries(pipelines)) {
    if (isRemark(name, steps)) continue;
    const events = Object.keys(mapping).filter((event) => mapping[event] === name);
    model.applyPipelines.push({ name, events, list: readSteps(context, null, steps, spotOf(pipelines, name)) });
  }
}
