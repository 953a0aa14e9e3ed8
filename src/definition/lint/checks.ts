import {
  broken,
  type Check,
  type Checks,
  checkPath,
  each,
  type Failure,
  type Subject,
  wrong,
} from '../asserts/evaluate.ts';
import { valuesAt } from '../asserts/paths.ts';
import { suggest } from '../nearest.ts';
import { type Spot, spotOf } from '../places.ts';
import type { Json } from '../types.ts';
import type { LintContext } from './context.ts';
import { writesOutside } from './effects.ts';
import { fetchedUpstreams, missingBounds, UPSTREAM_BOUNDS } from './proxies.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

/** What `validation.load_time_checks` may require beyond the asserts. */
export function loadTimeChecks(context: LintContext, subject: Subject): Checks {
  return {
    pipelines_only_use_ops_in: (value, spot) => onlyOperationsIn(context, subject, value, spot),
    all_entity_refs_exist: whereTrue((spot) => entitiesExist(context, spot)),
    unique: (value, spot) => each(value, spot, 'a list of paths', (path, at) => isUnique(subject, path, at)),
    proxy_fetch_requires_timeouts: whereTrue((spot) => hasBounds(context, UPSTREAM_BOUNDS.timeouts, spot)),
    proxy_fetch_requires_retry_bounds: whereTrue((spot) => hasBounds(context, UPSTREAM_BOUNDS.retries, spot)),
  };
}

/** What `validation.runtime_checks` may require beyond the asserts; all of it can be decided at load. */
export function runtimeChecks(context: LintContext): Checks {
  return {
    all_blob_puts_followed_by: (value, spot) => putsFollowedBy(context, value, spot),
    all_kv_or_index_writes_inside_txn: whereTrue((spot) => writesInside(context, spot)),
  };
}

/** A check that is switched on by `true`; `false` asks for nothing. */
function whereTrue(check: (spot: Spot) => readonly Failure[]): Check {
  return (value, spot) => {
    if (typeof value !== 'boolean') return [wrong(spot, 'True or false is expected here')];
    return value ? check(spot) : [];
  };
}

/** A list of operations, or the path of one. */
function onlyOperationsIn(context: LintContext, subject: Subject, value: Json, spot: Spot): readonly Failure[] {
  if (typeof value === 'string') {
    const problem = checkPath(subject, value, spot);
    if (problem !== null) return [problem];
  }
  const list = typeof value === 'string' ? valuesAt(subject.definition, value)[0] : value;
  if (!Array.isArray(list)) return [wrong(spot, 'A list of operations, or the path of one, is expected here')];
  return context.roots.flatMap((root) =>
    allSteps(root.list).flatMap((step) =>
      list.includes(step.op)
        ? []
        : [broken(spotOf(step.json, 'op'), `"${step.op}" is not among the operations allowed`)],
    ),
  );
}

/** Entities that steps name and `primary_key` fields. What is missing was reported where it is named, too. */
function entitiesExist(context: LintContext, spot: Spot): readonly Failure[] {
  const missing = context.roots.flatMap((root) =>
    allSteps(root.list).flatMap((step) =>
      step.args.flatMap(({ definition, references }) =>
        definition?.to === 'entity' ? references.filter((name) => context.model.entities[name] === undefined) : [],
      ),
    ),
  );
  const names = [...new Set(missing)].map((name) => `"${name}"`).join(', ');
  return missing.length === 0 ? [] : [broken(spot, `Steps name entities that are not there: ${names}`)];
}

function isUnique({ definition, sections }: Subject, path: Json, spot: Spot): readonly Failure[] {
  if (typeof path !== 'string') return [wrong(spot, 'A path is expected here', 'Write "api.routes[].id"')];
  const problem = checkPath({ definition, sections, routeSteps: () => null }, path, spot);
  if (problem !== null) return [problem];
  const values = valuesAt(definition, path).map((value) => JSON.stringify(value));
  const repeated = [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
  return repeated.length === 0 ? [] : [broken(spot, `"${path}" has ${repeated.join(', ')} more than once`)];
}

function hasBounds(
  context: LintContext,
  bound: (typeof UPSTREAM_BOUNDS)[keyof typeof UPSTREAM_BOUNDS],
  spot: Spot,
): readonly Failure[] {
  return fetchedUpstreams(context).flatMap((name) => {
    const { missing } = missingBounds(context, name, bound);
    if (missing.length === 0) return [];
    const keys = missing.map((key) => `"${bound.section}.${key}"`).join(' and ');
    return [broken(spot, `The upstream "${name}" has no ${keys}`)];
  });
}

/** In the order written, after each put comes a step of that operation, or the call of a pipeline that has one. */
function putsFollowedBy(context: LintContext, value: Json, spot: Spot): readonly Failure[] {
  if (typeof value !== 'string' || !context.vocabulary.has(value)) {
    const fix = typeof value === 'string' ? suggest(value, [...context.vocabulary.keys()]) : null;
    return [wrong(spot, 'The name of an operation is expected here', fix)];
  }
  return context.roots.flatMap((root) => {
    const steps = allSteps(root.list);
    return steps.flatMap((step, index) => {
      if (step.op !== 'blob.put') return [];
      const isFollowed = steps.slice(index + 1).some((later) => {
        const called = calledPipeline(later);
        const pipeline = called === null ? null : context.pipeline(called);
        return later.op === value || allSteps(pipeline?.list ?? { steps: [] }).some(({ op }) => op === value);
      });
      return isFollowed ? [] : [broken(step.spot, `No "${value}" follows this "blob.put"`)];
    });
  });
}

function writesInside(context: LintContext, spot: Spot): readonly Failure[] {
  const outside = context.roots.filter(
    ({ kind, list }) => kind !== 'pipeline' && writesOutside(context, list, new Set()),
  );
  return outside.map(({ kind, name }) =>
    broken(spot, `The ${kind === 'route' ? 'route' : 'apply pipeline'} "${name}" writes outside a transaction`),
  );
}
