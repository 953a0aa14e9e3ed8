import type { OperationHandler } from '../../engine/contract.ts';
import { toPlain } from '../../language/member.ts';
import { compareVersions, isPrerelease, type VersionOrdering } from '../../shared/versions.ts';
import { invalidArgument, isPlainObject } from '../arguments.ts';

const ORDERINGS: readonly VersionOrdering[] = ['semver', 'natural', 'text'];

/** See `operations/version/max.json`. */
export const versionMax: OperationHandler = {
  op: 'version.max',
  compile(step) {
    const given = step.value('in');
    const atMost = step.text('at_most');
    const written = step.literal('ordering');
    const ordering = ORDERINGS.find((one) => one === written) ?? step.definition.versioning.ordering;
    const bind = step.bind('out');
    return (run) => {
      const limit = atMost(run);
      const counted = versionsOf(given(run)).filter(
        (version) => limit === null || compareVersions(ordering, version, limit) <= 0,
      );
      const releases = counted.filter((version) => !isPrerelease(ordering, version));
      bind(run, highest(ordering, releases.length > 0 ? releases : counted));
    };
  },
};

function versionsOf(given: unknown): readonly string[] {
  const value = toPlain(given ?? []);
  if (isPlainObject(value)) return Object.keys(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw invalidArgument('in', 'a list of versions, or an object with versions as names');
}

function highest(ordering: VersionOrdering, versions: readonly string[]): string | null {
  const [first = null, ...others] = versions;
  let max = first;
  for (const version of others) if (max !== null && compareVersions(ordering, version, max) > 0) max = version;
  return max;
}
