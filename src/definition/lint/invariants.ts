import { evaluate, type Failure, type Subject } from '../asserts/evaluate.ts';
import { memberObject } from '../declare.ts';
import { isObject } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { Json, JsonObject } from '../types.ts';
import { loadTimeChecks, runtimeChecks } from './checks.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

/** The definition's own rules hold: `invariants`, and the checks of `validation` with what each says is to be done. */
export const invariantsRule: Rule = {
  codes: ['INVARIANT_BROKEN', 'CHECK_FAILED', 'ASSERT_INVALID'],
  run(context) {
    const invariants = memberObject(context.schema, 'invariants').global;
    const { load_time_checks, runtime_checks } = memberObject(context.schema, 'validation');
    // What most definitions do not have costs nothing.
    if (![invariants, load_time_checks, runtime_checks].some((list) => Array.isArray(list) && list.length > 0)) return;
    const subject = subjectOf(context);
    forEach(invariants, (json) => {
      const failures = evaluate(subject, json.assert ?? null, spotOf(json, 'assert'));
      reportFailures(context, json, failures, 'INVARIANT_BROKEN', 'error');
    });
    const lists = [
      { list: load_time_checks, checks: loadTimeChecks(context, subject) },
      { list: runtime_checks, checks: runtimeChecks(context) },
    ];
    for (const { list, checks } of lists) {
      forEach(list, (json) => {
        const failures = evaluate(subject, json.require ?? null, spotOf(json, 'require'), checks);
        // A check of requests that fails at load would stop every such request: it stops the definition.
        reportFailures(context, json, failures, 'CHECK_FAILED', json.on_fail === 'warn' ? 'warning' : 'error');
      });
    }
  },
};

function forEach(list: Json | undefined, run: (json: JsonObject) => void): void {
  if (!Array.isArray(list)) return;
  for (const item of list) if (isObject(item)) run(item);
}

function reportFailures(
  context: LintContext,
  { id, description }: JsonObject,
  failures: readonly Failure[],
  code: 'INVARIANT_BROKEN' | 'CHECK_FAILED',
  severity: 'error' | 'warning',
): void {
  for (const { spot, message, fix, isInvalid } of failures) {
    if (isInvalid) {
      context.reporter.report('ASSERT_INVALID', spot, message, { fix });
      continue;
    }
    const advice = fix ?? (typeof description === 'string' && description !== '' ? description : null);
    context.reporter.report(code, spot, `${String(id)}: ${message}`, { fix: advice, severity });
  }
}

/** Keys that `schema.json` may have, where a path may begin. */
const SECTIONS: readonly string[] = [
  'schema_version',
  'type_id',
  'capabilities',
  'packs',
  'entities',
  'storage',
  'indexes',
  'auth',
  'upstreams',
  'caching',
  'ops',
  'api',
  'pipelines',
  'errors',
  'events',
  'replication',
  'gc',
  'invariants',
  'features',
  'validation',
  'env',
  'http',
  'access',
];

function subjectOf(context: LintContext): Subject {
  const routes = new Map(context.roots.filter(({ kind }) => kind === 'route').map((root) => [root.name, root]));
  return {
    definition: context.raw(),
    sections: SECTIONS,
    routeSteps(id) {
      const root = routes.get(id);
      return root === undefined ? null : stepsOf(context, root.list, new Set());
    },
  };
}

function stepsOf(
  context: LintContext,
  list: Parameters<typeof allSteps>[0],
  seen: Set<string>,
): readonly { readonly op: string; readonly args: JsonObject }[] {
  return allSteps(list).flatMap((step) => {
    const called = calledPipeline(step);
    const root = called === null || seen.has(called) ? null : context.pipeline(called);
    if (called !== null) seen.add(called);
    const written = step.json.args;
    const own = { op: step.op, args: isObject(written) ? written : {} };
    return root === null ? [own] : [own, ...stepsOf(context, root.list, seen)];
  });
}
