import type { StepCompiler } from '../engine/contract.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { Frame } from '../language/frame.ts';
import { asObject, invalidArgument } from './arguments.ts';

/** Headers in order; several values of one name are several entries. */
export type HeaderPairs = readonly (readonly [string, string])[];

const NONE: HeaderPairs = Object.freeze([]);

/**
 * The argument `headers`, or another of its form: an object of texts, numbers, booleans and lists of these; null leaves a header out. Fails with VALUE_INVALID
 * on a name that is no token (RFC 9110, section 5.6.2) and on a value that would end the header.
 */
export function compileHeaders(step: StepCompiler, argument = 'headers'): (frame: Frame) => HeaderPairs {
  if (!step.has(argument)) return () => NONE;
  const headers = step.value(argument);
  let lastWritten: unknown;
  let lastPairs = NONE;
  return (frame) => {
    const written = headers(frame);
    // A constant is one and the same object each time.
    if (written !== lastWritten) {
      lastPairs = headerPairs(written, argument);
      lastWritten = written;
    }
    return lastPairs;
  };
}

/** A text that may stand in a header; fails with VALUE_INVALID. */
export function headerText(name: string, value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text !== 'string') throw invalidArgument(name, 'text');
  if (/[\r\n\0]/.test(text)) throw new RegistryError('VALUE_INVALID', { message: `${name} holds a line break` });
  return text;
}

function headerPairs(written: unknown, argument: string): HeaderPairs {
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(asObject(written, argument) ?? {})) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) throw invalidArgument(argument, 'an object of header names');
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== null && item !== undefined) pairs.push([name, headerText(name, item)]);
    }
  }
  return pairs;
}
