import { parsePathPattern } from '../../language/path-pattern.ts';
import { findClashes, type RouterEntry } from '../../language/path-router.ts';
import type { RouteNode } from '../model.ts';
import { type Spot, spotOf } from '../places.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';

interface RoutePath {
  readonly route: RouteNode;
  readonly path: string;
  readonly spot: Spot;
}

/** Routes have ids of their own, and paths that parse and do not clash. */
export const routesRule: Rule = {
  codes: ['DUPLICATE_ID', 'PATH_INVALID', 'ROUTE_CLASH'],
  run(context) {
    checkIds(context);
    const entries = context.model.routes.flatMap((route) => parsePaths(context, route));
    for (const { first, second, method } of findClashes(entries)) {
      const { file, line } = context.places.place(first.spot, 'value');
      const message = `${method} ${second.path} clashes with ${first.path} of the route "${first.route.definition.id}" at ${file}:${line}`;
      context.reporter.report('ROUTE_CLASH', second.spot, message, {
        fix: 'Make one of the paths more particular, or remove one',
      });
    }
  },
};

function checkIds({ model, reporter }: LintContext): void {
  const seen = new Set<string>();
  for (const { definition, json } of model.routes) {
    const { id } = definition;
    if (id !== '' && seen.has(id)) {
      reporter.report('DUPLICATE_ID', spotOf(json, 'id'), `There is a second route "${id}"`, {
        fix: 'Give one of them another id',
      });
    }
    seen.add(id);
  }
}

function parsePaths({ reporter }: LintContext, route: RouteNode): readonly RouterEntry<RoutePath>[] {
  const { paths, methods } = route.definition;
  return paths.flatMap((path, index) => {
    const spot = route.pathSpots[index] ?? route.spot;
    const pattern = parsePathPattern(path);
    for (const { message, fix } of pattern.problems)
      reporter.report('PATH_INVALID', spot, message, { fix: fix ?? null });
    return pattern.problems.length > 0 ? [] : [{ methods, pattern, value: { route, path, spot } }];
  });
}
