import { suggest } from '../nearest.ts';
import { isObject, kindOf } from '../object-reader.ts';
import { type Spot, spotOf } from '../places.ts';
import type { Json, JsonObject } from '../types.ts';
import { contains, same } from './compare.ts';
import { valuesAt } from './paths.ts';

/** What an assert came to: it holds, or the places and reasons where it does not. `isInvalid`: it cannot be evaluated as written. */
export interface Failure {
  readonly spot: Spot;
  readonly message: string;
  readonly fix: string | null;
  readonly isInvalid: boolean;
}

/** What asserts are about. */
export interface Subject {
  /** All files as one JSON value. */
  readonly definition: JsonObject;
  /** Every step of a route, those of pipelines that it calls among them; null when there is no such route. */
  routeSteps(id: string): readonly { readonly op: string; readonly args: JsonObject }[] | null;
  /** Sections that a path may begin with. */
  readonly sections: readonly string[];
}

/** An assert of its own kind, beyond those that every list knows. Null where the value is not of the form it needs. */
export type Check = (value: Json, spot: Spot) => readonly Failure[];

type Assert = (subject: Subject, value: Json, spot: Spot, more: Checks) => readonly Failure[];
export type Checks = Readonly<Record<string, Check>>;

const ASSERTS: Readonly<Record<string, Assert>> = {
  equals: (subject, value, spot) => compare(subject, value, spot, 'be', (actual, wanted) => same(actual, wanted)),
  not_equals: (subject, value, spot) =>
    compare(subject, value, spot, 'not be', (actual, wanted) => !same(actual, wanted)),
  in: (subject, value, spot) =>
    compare(subject, value, spot, 'be one of', (actual, wanted) =>
      Array.isArray(wanted) ? wanted.some((item: Json) => same(actual, item)) : null,
    ),
  all: (subject, value, spot, more) =>
    each(value, spot, 'a list of asserts', (item, at) => evaluate(subject, item, at, more)),
  any(subject, value, spot, more) {
    if (!Array.isArray(value)) return [wrong(spot, 'A list of asserts is expected here')];
    const results = value.map((item: Json, index) => evaluate(subject, item, spotOf(value, index), more));
    const invalid = results.flat().filter(({ isInvalid }) => isInvalid);
    if (invalid.length > 0) return invalid;
    if (results.some((failures) => failures.length === 0)) return [];
    const reasons = results.flatMap(([first]) => first?.message ?? []);
    return [broken(spot, `None of these holds: ${reasons.join('; ')}`)];
  },
  not(subject, value, spot, more) {
    const failures = evaluate(subject, value, spot, more);
    const invalid = failures.filter(({ isInvalid }) => isInvalid);
    if (invalid.length > 0) return invalid;
    return failures.length > 0 ? [] : [broken(spot, 'This holds, and must not')];
  },
  implies(subject, value, spot, more) {
    if (!Array.isArray(value) || value.length !== 2) return [wrong(spot, 'Two asserts are expected here: [if, then]')];
    const [condition, consequence]: readonly Json[] = value;
    const first = evaluate(subject, condition ?? null, spotOf(value, 0), more);
    const second = evaluate(subject, consequence ?? null, spotOf(value, 1), more);
    const invalid = [...first, ...second].filter(({ isInvalid }) => isInvalid);
    if (invalid.length > 0) return invalid;
    return first.length > 0 ? [] : second;
  },
  route_requires(subject, value, spot) {
    if (!isObject(value)) return [wrong(spot, 'An object is expected here: route ids with the steps they need')];
    return Object.entries(value).flatMap(([id, wanted]) => checkRoute(subject, id, wanted, spotOf(value, id)));
  },
};

/** Names of the asserts that every list knows. */
export const ASSERT_NAMES: readonly string[] = Object.keys(ASSERTS);

/** Evaluates an assert: an object of one or more; several mean all of them. */
export function evaluate(subject: Subject, json: Json, spot: Spot, more: Checks = {}): readonly Failure[] {
  if (!isObject(json)) return [wrong(spot, `An assert is an object, not ${kindOf(json)}`)];
  const entries = Object.entries(json);
  if (entries.length === 0) return [wrong(spot, 'The assert says nothing')];
  return entries.flatMap(([name, value]): readonly Failure[] => {
    const at = spotOf(json, name);
    const own = ASSERTS[name];
    if (own !== undefined && Object.hasOwn(ASSERTS, name)) return own(subject, value, at, more);
    if (Object.hasOwn(more, name)) return more[name]?.(value, at) ?? [];
    const known = [...ASSERT_NAMES, ...Object.keys(more)];
    return [wrong(at, `"${name}" is no assert here`, suggest(name, known) ?? `There are ${known.join(', ')}`)];
  });
}

export function broken(spot: Spot, message: string, fix: string | null = null): Failure {
  return { spot, message, fix, isInvalid: false };
}

export function wrong(spot: Spot, message: string, fix: string | null = null): Failure {
  return { spot, message, fix, isInvalid: true };
}

/** A path and a value. Of a path that leads to several values all must compare; of one that leads to none, null is compared. */
function compare(
  subject: Subject,
  pair: Json,
  spot: Spot,
  verb: string,
  holds: (actual: Json, wanted: Json) => boolean | null,
): readonly Failure[] {
  const [path, wanted = null]: readonly Json[] = Array.isArray(pair) ? pair : [];
  if (!Array.isArray(pair) || pair.length !== 2 || typeof path !== 'string') {
    return [
      wrong(spot, 'A path into the definition and a value are expected here', 'Write ["ops.closed_world", true]'),
    ];
  }
  const problem = checkPath(subject, path, spotOf(pair, 0));
  if (problem !== null) return [problem];
  const found = valuesAt(subject.definition, path);
  for (const actual of found.length === 0 ? [null] : found) {
    const result = holds(actual, wanted);
    if (result === null) return [wrong(spotOf(pair, 1), 'A list is expected here')];
    if (!result) {
      const what = found.length === 0 ? 'absent' : show(actual);
      return [broken(spot, `"${path}" must ${verb} ${show(wanted)}, and is ${what}`)];
    }
  }
  return [];
}

/** A path must begin in a section that there can be: anything else is a slip, not a value that is absent. */
export function checkPath(subject: Subject, path: string, spot: Spot): Failure | null {
  const first = path.split('.')[0]?.replace('[]', '') ?? '';
  if (subject.sections.includes(first)) return null;
  return wrong(spot, `"${path}" does not lead into the definition`, suggest(first, subject.sections));
}

export function each(
  value: Json,
  spot: Spot,
  what: string,
  run: (item: Json, spot: Spot) => readonly Failure[],
): readonly Failure[] {
  if (!Array.isArray(value)) return [wrong(spot, `Here ${what} is expected`)];
  return value.flatMap((item: Json, index) => run(item, spotOf(value, index)));
}

function checkRoute(subject: Subject, id: string, wanted: Json, spot: Spot): readonly Failure[] {
  const steps = subject.routeSteps(id);
  if (steps === null) return [broken(spot, `There is no route "${id}"`)];
  return each(wanted, spot, 'a list of steps', (requirement, at) => {
    if (!isObject(requirement) || typeof requirement.op !== 'string') return [wrong(at, '"op" must name an operation')];
    const { op, args_contains: args = {} } = requirement;
    if (steps.some((step) => step.op === op && contains(step.args, args))) return [];
    const details = isObject(args) && Object.keys(args).length > 0 ? ` with ${show(args)}` : '';
    return [broken(at, `The route "${id}" has no step "${op}"${details}`)];
  });
}

function show(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}
