import type { EntityFieldDefinition } from '../definition/types.ts';
import { StoredValue } from '../language/values.ts';
import { isPlainObject } from './arguments.ts';

type FieldType = EntityFieldDefinition['type'];

/** Whether a value that is not null is of a field's type. */
export function fitsType(type: FieldType, value: unknown): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'integer':
      return Number.isSafeInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isPlainObject(value instanceof StoredValue ? value.value : value);
  }
}

const EXPECTATIONS: Readonly<Record<FieldType, string>> = Object.freeze({
  string: 'must be text',
  integer: 'must be a whole number',
  number: 'must be a number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must be an object',
});

/** What to tell whoever gave a value of another type. */
export function expectation(type: FieldType): string {
  return EXPECTATIONS[type];
}
