import { memberObject } from '../declare.ts';
import { type Spot, spotOf } from '../places.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** What bounds a fetch, by the section of an upstream that says so. */
export const UPSTREAM_BOUNDS = {
  timeouts: { section: 'timeouts_ms', keys: ['connect', 'read'] },
  retries: { section: 'retry', keys: ['max_attempts'] },
} as const;

/** An upstream that steps fetch from says itself how long and how often is tried. */
export const proxiesRule: Rule = {
  codes: ['PROXY_UNBOUNDED'],
  run(context) {
    for (const name of fetchedUpstreams(context)) {
      for (const bound of Object.values(UPSTREAM_BOUNDS)) {
        const { spot, missing } = missingBounds(context, name, bound);
        if (missing.length === 0) continue;
        const keys = missing.map((key) => `"${bound.section}.${key}"`).join(' and ');
        const message = `The upstream "${name}" is fetched from and leaves ${keys} to the engine`;
        context.reporter.report('PROXY_UNBOUNDED', spot, message, { fix: `Write ${keys}`, at: 'key' });
      }
    }
  },
};

/** Names of the declared upstreams that some step fetches from. */
export function fetchedUpstreams(context: LintContext): readonly string[] {
  const declared = memberObject(context.schema, 'upstreams');
  const names = context.roots.flatMap(({ list }) =>
    allSteps(list).flatMap((step) =>
      step.args.flatMap((node) => (node.definition?.to === 'upstream' ? node.references : [])),
    ),
  );
  return [...new Set(names)].filter((name) => Object.hasOwn(declared, name));
}

/** Which of the keys of a bound the upstream does not write, and where they belong. */
export function missingBounds(
  { schema }: LintContext,
  upstream: string,
  { section, keys }: { readonly section: string; readonly keys: readonly string[] },
): { readonly spot: Spot; readonly missing: readonly string[] } {
  const upstreams = memberObject(schema, 'upstreams');
  const json = memberObject(upstreams, upstream);
  const written = memberObject(json, section);
  const spot = Object.hasOwn(json, section) ? spotOf(json, section) : spotOf(upstreams, upstream);
  return { spot, missing: keys.filter((key) => !Object.hasOwn(written, key)) };
}
