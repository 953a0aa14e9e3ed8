import { fail } from '../errors/registry-error.ts';
import { checkTime } from './expression-limits.ts';
import { setOwn, toPlain } from './member.ts';

/** Names by which the expression engine knows its own functions. Data that bears them would be taken for one. */
const RESERVED = ['_jsonata_function', '_jsonata_lambda'];

/** Deeper results hold themselves. */
const MAX_DEPTH = 500;

/**
 * A plain copy of a variable for an expression, which may mark the arrays that it is given. Fails with VALUE_INVALID on an object
 * with a member named like the engine's own marks.
 */
export function copyIn(value: unknown): unknown {
  return copyPlain(toPlain(value));
}

function copyPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (Array.isArray(value)) return value.map(copyPlain);
  const copy = {};
  for (const [name, item] of Object.entries(value)) {
    if (RESERVED.includes(name)) fail('VALUE_INVALID', `A member cannot be named "${name}" here`, { name });
    setOwn(copy, name, copyPlain(item));
  }
  return copy;
}

/**
 * A plain copy of what an expression gave: undefined becomes null, the engine's marked arrays become arrays. Fails with
 * EXPRESSION_FAILED on functions, numbers that JSON has not, and more than `maxBytes` of JSON.
 */
export function copyOut(value: unknown, maxBytes: number): unknown {
  let left = maxBytes;
  const spend = (bytes: number) => {
    left -= bytes;
    if (left < 0) fail('EXPRESSION_FAILED', `An expression gave more than ${maxBytes} bytes`);
  };
  const copy = (item: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH) fail('EXPRESSION_FAILED', 'An expression gave a value that is nested too deeply');
    switch (typeof item) {
      case 'string':
        spend(item.length > left ? item.length : Buffer.byteLength(item) + 2);
        return item;
      case 'number':
        if (!Number.isFinite(item)) fail('EXPRESSION_FAILED', 'An expression gave a number that JSON does not have');
        spend(String(item).length);
        return item;
      case 'object':
        break;
      case 'function':
        return fail('EXPRESSION_FAILED', 'An expression gave a function');
      default:
        spend(5);
        return item ?? null;
    }
    spend(4);
    if (item === null) return null;
    checkTime();
    if (RESERVED.some((name) => Object.hasOwn(item, name))) fail('EXPRESSION_FAILED', 'An expression gave a function');
    if (Array.isArray(item)) return Array.from(item, (element) => copy(element, depth + 1));
    const object = {};
    for (const [name, member] of Object.entries(item)) {
      if (member === undefined) continue;
      spend(Buffer.byteLength(name) + 4);
      setOwn(object, name, copy(member, depth + 1));
    }
    return object;
  };
  return copy(value, 0);
}
