import type { StepNode } from '../model.ts';
import { isObject } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { JsonObject } from '../types.ts';

/** What a step stores of the JSON that it reads: the entries of `spill` that have the form they need. */
export function spillsOf(step: StepNode): readonly { readonly entry: JsonObject; readonly spot: Spot }[] {
  const list = step.op === 'parse.json' ? step.args.find((node) => node.name === 'spill')?.json : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry, index) => (isObject(entry) ? [{ entry, spot: spotOf(list, index) }] : []));
}
