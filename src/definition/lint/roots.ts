import { parsePathPattern } from '../../language/path-pattern.ts';
import type { Model, RouteNode } from '../model.ts';
import { isObject } from '../object-reader.ts';
import type { RootList } from './context.ts';

/** Every list of steps that runs in a scope of its own, with the names that are there at its start. */
export function rootLists(model: Model): readonly RootList[] {
  return [
    ...model.routes.map(
      (route): RootList => ({
        kind: 'route',
        name: route.definition.id,
        list: route.list,
        names: pathParameters(route),
      }),
    ),
    ...[...model.pipelines].map(
      ([name, { definition, list }]): RootList => ({
        kind: 'pipeline',
        name,
        list,
        names: new Map(definition.inputs.map((input) => [input, 'bound'])),
      }),
    ),
    ...model.applyPipelines.map(
      ({ name, events, list }): RootList => ({
        kind: 'apply',
        name,
        list,
        names: new Map([['event', 'bound'], ...events.flatMap((event) => eventFields(model, event))]),
      }),
    ),
  ];
}

/** A parameter that every path has is bound; one that only some have may be null. */
function pathParameters(route: RouteNode): RootList['names'] {
  const lists = route.definition.paths.map((path) => parsePathPattern(path).params.map((param) => param.name));
  const names = new Map<string, 'bound' | 'maybe'>();
  for (const name of new Set(lists.flat())) {
    names.set(name, lists.every((list) => list.includes(name)) ? 'bound' : 'maybe');
  }
  return names;
}

function eventFields(model: Model, event: string): readonly (readonly [string, 'bound' | 'maybe'])[] {
  const schema = model.events[event]?.schema;
  if (!isObject(schema?.properties)) return [];
  const required = Array.isArray(schema.required) ? schema.required : [];
  return Object.keys(schema.properties).map((name) => [name, required.includes(name) ? 'bound' : 'maybe']);
}
