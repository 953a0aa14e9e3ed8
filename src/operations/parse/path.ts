import type { EntityFieldDefinition } from '../../definition/types.ts';
import type { OperationHandler, StepRun } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import { expectation, fitsType } from '../field-types.ts';

/** See `operations/parse/path.json`. */
export const parsePath: OperationHandler = {
  op: 'parse.path',
  compile(step) {
    if (!step.has('entity')) return () => undefined;
    const entity = step.entity('entity');
    const actions: StepRun[] = [];
    for (const [name, field] of Object.entries(entity.fields)) {
      if (step.isBound(name)) {
        const convert = converters[field.type];
        if (convert === undefined) continue;
        const read = step.read(name);
        const store = step.bindName(name);
        actions.push((run) => {
          const value = read(run);
          if (value !== null && value !== undefined) store(run, converted(convert, field, name, value));
        });
      } else if (field.optional) {
        const store = step.bindName(name);
        actions.push((run) => {
          store(run, null);
        });
      }
    }
    return (run) => {
      for (const act of actions) act(run);
    };
  },
};

type Convert = (text: string) => unknown;

/** What a text of the path means as a value of each type; the text itself where it means none, which the type then refuses. */
const converters: Readonly<Partial<Record<EntityFieldDefinition['type'], Convert>>> = {
  integer: (text) => (/^-?[0-9]{1,16}$/.test(text) ? Number(text) : text),
  number: (text) => (/^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text) ? Number(text) : text),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
};

function converted(convert: Convert, field: EntityFieldDefinition, name: string, value: unknown): unknown {
  const result = typeof value === 'string' ? convert(value) : value;
  if (fitsType(field.type, result)) return result;
  const message = expectation(field.type);
  throw new RegistryError('ENTITY_INVALID', { message: `${name} ${message}`, details: [{ field: name, message }] });
}
