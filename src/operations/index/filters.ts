import type { IndexPlan, StepCompiler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import type { Frame } from '../../language/frame.ts';
import type { Filter, Order, Scalar } from '../../ports/record-store.ts';
import { type VersionOrdering, versionSortKey } from '../../shared/versions.ts';
import { asObject, invalidArgument, isPlainObject } from '../arguments.ts';

/** What a step asks by the argument `key`. */
export interface KeyFilters {
  /** Of this call alone. */
  readonly where: Filter[];
  /** The fields that are given, null or not. */
  readonly given: readonly string[];
}

/** The argument `key`: equality in each of the fields; null asks for null, and one element of a list field. */
export function compileKey(step: StepCompiler, index: IndexPlan): (frame: Frame) => KeyFilters {
  const members = step.members('key');
  if (members !== null) {
    const given = members.map(({ name }) => name);
    return (frame) => {
      const where: Filter[] = [];
      for (let at = 0; at < members.length; at++) {
        const { name, evaluate } = members[at]!;
        where.push(equality(index, name, asScalar(evaluate(frame) ?? null, name)));
      }
      return { where, given };
    };
  }
  const key = step.value('key');
  return (frame) => {
    const equal = Object.entries(asObject(key(frame), 'key') ?? {});
    return {
      where: equal.map(([field, value]) => equality(index, field, asScalar(value ?? null, field))),
      given: equal.map(([field]) => field),
    };
  };
}

/** The argument `where`: by field a value, or an object of operators. A null asks nothing. */
export function whereFilters(
  index: IndexPlan,
  ordering: VersionOrdering,
  where: Readonly<Record<string, unknown>>,
): Filter[] {
  const filters: Filter[] = [];
  for (const [field, condition] of Object.entries(where)) {
    if (condition === null || condition === undefined) continue;
    if (!isPlainObject(condition)) {
      filters.push(equality(index, field, asScalar(condition, field)));
      continue;
    }
    for (const [op, operand] of Object.entries(condition)) {
      if (operand !== null && operand !== undefined) filters.push(operatorFilter(index, ordering, field, op, operand));
    }
  }
  return filters;
}

/** `field`, `field:asc` or `field:desc`, as the index sorts it. */
export function parseOrder(index: IndexPlan, written: unknown): Order {
  const [, field = '', direction] = (typeof written === 'string' && /^(.+?)(?::(asc|desc))?$/.exec(written)) || [];
  if (!index.spec.columns.includes(field)) throw unknownField(index, field);
  return { column: sortColumn(index, field), descending: direction === 'desc' };
}

function equality(index: IndexPlan, field: string, value: Scalar): Filter {
  if (index.spec.arrays.includes(field)) return { column: field, op: 'any', values: [value] };
  if (!index.spec.columns.includes(field)) throw unknownField(index, field);
  return { column: field, op: 'eq', value };
}

function operatorFilter(
  index: IndexPlan,
  ordering: VersionOrdering,
  field: string,
  op: string,
  operand: unknown,
): Filter {
  const isArray = index.spec.arrays.includes(field);
  if (!isArray && !index.spec.columns.includes(field)) throw unknownField(index, field);
  switch (op) {
    case 'any':
    case 'all':
      // Of a field with one value: that it is among those asked for; all of several it can only be when they are one.
      if (isArray) return { column: field, op, values: asScalars(operand, field) };
      if (op === 'any') return { column: field, op: 'in', values: asScalars(operand, field) };
      break;
    case 'in':
      return { column: field, op: isArray ? 'any' : 'in', values: asScalars(operand, field) };
    case 'prefix':
      if (isArray || typeof operand !== 'string') break;
      return { column: field, op, value: operand };
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte': {
      if (isArray) break;
      const column = sortColumn(index, field);
      const value = asScalar(operand, field);
      // Versions are compared as they sort.
      const compared = column !== field && typeof value === 'string' ? versionSortKey(ordering, value) : value;
      return { column, op, value: compared };
    }
  }
  throw new RegistryError('VALUE_INVALID', { message: `${field} cannot be asked for ${op}`, details: { field, op } });
}

function sortColumn(index: IndexPlan, field: string): string {
  const column = index.sortColumn(field);
  return index.spec.columns.includes(column) ? column : field;
}

function asScalars(value: unknown, field: string): readonly Scalar[] {
  if (!Array.isArray(value)) throw invalidArgument(field, 'a list');
  return value.map((element: unknown) => asScalar(element, field));
}

function asScalar(value: unknown, field: string): Scalar {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalidArgument(field, 'text, a number, true, false or null');
}

function unknownField(index: IndexPlan, field: string): RegistryError {
  return new RegistryError('VALUE_INVALID', {
    message: `The index ${index.name} has no field ${field}`,
    details: { field },
  });
}
