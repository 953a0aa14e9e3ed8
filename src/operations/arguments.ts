import type { StepCompiler, TextEncoding } from '../engine/contract.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { Frame } from '../language/frame.ts';
import { isByteHandle, StoredValue } from '../language/values.ts';

/** What all pages share: rows at most. */
export const MAX_LIMIT = 1000;

/** A VALUE_INVALID that names the argument and what it must be ("a list"). */
export function invalidArgument(argument: string, wanted: string): RegistryError {
  return new RegistryError('VALUE_INVALID', { message: `${argument} must be ${wanted}`, details: { argument } });
}

/** A text that must be there: null fails with VALUE_INVALID. */
export function requiredText(step: StepCompiler, argument: string, encoding?: TextEncoding): (frame: Frame) => string {
  const text = step.text(argument, encoding);
  return (frame) => {
    const value = text(frame);
    if (value === null) throw invalidArgument(argument, 'text');
    return value;
  };
}

/** The argument `limit`: 1 to 1000, the default where it is null. */
export function compileLimit(step: StepCompiler): (frame: Frame) => number {
  const limit = step.integer('limit');
  return (frame) => {
    const value = limit(frame) ?? 100;
    if (value < 1 || value > MAX_LIMIT) throw invalidArgument('limit', `between 1 and ${MAX_LIMIT}`);
    return value;
  };
}

/** A value whose members are looked at: a plain object or the document behind a stored one. Null for null; VALUE_INVALID for all else. */
export function asObject(value: unknown, argument: string): Readonly<Record<string, unknown>> | null {
  if (value === null || value === undefined) return null;
  const plain = value instanceof StoredValue ? value.value : value;
  if (!isPlainObject(plain)) throw invalidArgument(argument, 'an object');
  return plain;
}

/** Whether a value is an object with members: no list, no bytes, no stored document. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof StoredValue) &&
    !isByteHandle(value)
  );
}

/** What a step gives that goes on with the next one. */
export function goOn(): undefined {}
