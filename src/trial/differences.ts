import type { Json } from '../definition/types.ts';
import { compileRegex } from '../language/regex.ts';

/** One place in which something is not as expected; undefined is absent. */
export interface Difference {
  /** What was compared, with a JSON pointer into it. */
  readonly where: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Where a value is not as expected, in the order of the expectation. `equal`: alike in everything; `includes`: objects may have further
 * members (lists are still compared element by element). An object in the expectation with one of these keys alone is a matcher:
 * `{"$matches": regex}` for texts, `{"$includes": value}`, and `{"$any": true}` for whatever is there.
 */
export function compareValues(
  actual: unknown,
  expected: Json | undefined,
  where: string,
  mode: 'equal' | 'includes' = 'equal',
): readonly Difference[] {
  const different = [{ where, expected, actual }];
  if (!isRecord(expected)) {
    if (!Array.isArray(expected)) return Object.is(actual, expected) ? [] : different;
    if (!Array.isArray(actual)) return different;
    const length = Math.max(actual.length, expected.length);
    return Array.from({ length }, (_, index) =>
      compareValues(actual[index], expected[index], `${where}/${index}`, mode),
    ).flat();
  }
  const matched = compareMatcher(actual, expected, where);
  if (matched !== null) return matched ? [] : different;
  if ('$includes' in expected && Object.keys(expected).length === 1) {
    return compareValues(actual, expected.$includes as Json, where, 'includes');
  }
  if (!isRecord(actual)) return different;
  const names = Object.keys(expected);
  if (mode === 'equal') names.push(...Object.keys(actual).filter((name) => !Object.hasOwn(expected, name)));
  return names.flatMap((name) => {
    const at = `${where}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return compareValues(own(actual, name), own(expected, name) as Json | undefined, at, mode);
  });
}

/** Null where the expectation is no matcher of its own. */
function compareMatcher(actual: unknown, expected: Readonly<Record<string, unknown>>, where: string): boolean | null {
  const [name, ...others] = Object.keys(expected);
  if (others.length > 0) return null;
  if (name === '$any') return actual !== undefined;
  if (name !== '$matches') return null;
  if (typeof expected.$matches !== 'string') throw new Error(`${where}: "$matches" takes a regular expression`);
  return typeof actual === 'string' && compileRegex(expected.$matches).test(actual);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
