import { fail } from '../errors/registry-error.ts';
import { type Frame, ROOTS, type RootName, type Scope } from './frame.ts';
import { member } from './member.ts';
import type { Path, PathStep } from './path.ts';
import type { Problem } from './problem.ts';
import { StoredValue } from './values.ts';

/** Reads a value from a frame; undefined and null both mean that nothing is there. */
export type Read = (frame: Frame) => unknown;

/** Whether a name is one of the roots that stand beside the variables. */
export function isRoot(name: string): name is RootName {
  return Object.hasOwn(ROOTS, name);
}

/** What is wrong with a path over a root whose members are fixed, or null. */
export function checkRootMember(path: Path, pointer: string, code: Problem['code']): Problem | null {
  const known = isRoot(path.name) ? ROOTS[path.name] : null;
  const first = path.steps[0];
  if (known === null || first === undefined) return null;
  if (first.kind === 'member' && known.some((name) => name === first.name)) return null;
  const asked = first.kind === 'member' ? `"${first.name}"` : 'member that is looked up by a value';
  return { code, message: `"${path.name}" has no ${asked}`, pointer, fix: `It has ${known.join(', ')}` };
}

/** Compiles a path. Its names are bound and its root members exist: the checker has seen to that. */
export function compileRead(path: Path, scope: Scope): Read {
  if (!isRoot(path.name)) {
    const slot = scope.slotOf(path.name);
    return compileSteps((frame) => frame.slots[slot], path.steps, scope);
  }
  const root = path.name;
  const [first, ...rest] = path.steps;
  if (first === undefined || first.kind === 'look' || ROOTS[root] === null) {
    return compileSteps((frame) => frame[root], path.steps, scope);
  }
  const name = first.name;
  // The members of these roots may be getters, which compute what they give when it is first asked for.
  return compileSteps((frame) => memberOf(frame[root], name), rest, scope);
}

function memberOf(view: object, name: string | number): unknown {
  return (view as Record<string | number, unknown>)[name];
}

function compileSteps(base: Read, steps: readonly PathStep[], scope: Scope): Read {
  return steps.reduce((read, step) => compileStep(read, step, scope), base);
}

function compileStep(read: Read, step: PathStep, scope: Scope): Read {
  if (step.kind === 'member') {
    const name = step.name;
    return (frame) => member(read(frame), name);
  }
  const look = compileRead(step.path, scope);
  return (frame) => {
    const key = unwrap(look(frame));
    return typeof key === 'string' || typeof key === 'number' ? member(read(frame), key) : undefined;
  };
}

/** A document's JSON instead of the document, at the top only. */
export function unwrap(value: unknown): unknown {
  return value instanceof StoredValue ? value.value : value;
}

/** Nothing there: absent, null, or a document that is null. */
export function isNull(value: unknown): boolean {
  return value === null || value === undefined || (value instanceof StoredValue && value.text === 'null');
}

/**
 * A value as text: numbers and booleans are printed as JSON does; null when nothing is there.
 * Objects, arrays and bytes fail with VALUE_INVALID; `path` says whose value it is.
 */
export function printText(value: unknown, path: string): string | null {
  if (typeof value === 'string') return value;
  const plain = unwrap(value);
  if (plain === null || plain === undefined) return null;
  switch (typeof plain) {
    case 'string':
      return plain;
    case 'boolean':
      return plain ? 'true' : 'false';
    case 'number':
      return JSON.stringify(plain);
    default:
      return fail('VALUE_INVALID', `"${path}" must be a text, a number or a boolean here`, { path });
  }
}
