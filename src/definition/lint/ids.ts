import { memberObject } from '../declare.ts';
import { isObject } from '../object-reader.ts';
import { spotOf } from '../places.ts';
import type { Json } from '../types.ts';
import type { LintContext } from './context.ts';
import type { Rule } from './rule.ts';

/**
 * Policies, invariants and checks have names of their own. (Other names are found when they are declared, routes' ids by the rule of
 * routes, names of index keys when an index is read.)
 */
export const idsRule: Rule = {
  codes: ['DUPLICATE_ID'],
  run(context) {
    const { schema } = context;
    const validation = memberObject(schema, 'validation');
    checkUnique(context, 'policy', 'name', [memberObject(schema, 'auth').policies]);
    checkUnique(context, 'invariant', 'id', [memberObject(schema, 'invariants').global]);
    checkUnique(context, 'check', 'id', [validation.load_time_checks, validation.runtime_checks]);
  },
};

function checkUnique(context: LintContext, what: string, key: string, lists: readonly (Json | undefined)[]): void {
  const seen = new Set<Json | undefined>();
  for (const item of lists.flatMap((list): readonly Json[] => (Array.isArray(list) ? list : []))) {
    const id = isObject(item) ? item[key] : undefined;
    if (typeof id !== 'string' || !isObject(item)) continue;
    if (seen.has(id)) {
      const fix = 'Give one of them another name';
      context.reporter.report('DUPLICATE_ID', spotOf(item, key), `There is a second ${what} "${id}"`, { fix });
    }
    seen.add(id);
  }
}
