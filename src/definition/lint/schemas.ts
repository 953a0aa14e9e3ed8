import { createSchemaCompiler, type SchemaCompiler } from '../../language/json-schema.ts';
import { isObject } from '../object-reader.ts';
import type { Spot } from '../places.ts';
import type { Json } from '../types.ts';
import type { LintContext } from './context.ts';
import { isPlainSchema } from './plain-schema.ts';
import type { Rule } from './rule.ts';
import { allSteps } from './walk-steps.ts';

/** JSON Schemas compile: declared ones, those of routes and events, and those written in steps. */
export const schemasRule: Rule = {
  codes: ['SCHEMA_INVALID', 'REGEX_INVALID'],
  run(context) {
    const compiler = createSchemaCompiler(context.model.schemas);
    // Routes tend to repeat each other's schemas.
    const good = new Set<string>();
    const check = (resolved: Json, spot: Spot): void => {
      if (!isObject(resolved) || isPlainSchema(resolved, context.model.schemas)) return;
      const text = JSON.stringify(resolved);
      if (good.has(text)) return;
      const problem = compiler.check(resolved);
      if (problem === null) good.add(text);
      else report(context, spot, problem);
    };
    for (const { kind, json, resolved, spot } of context.model.loose) {
      if (kind === 'schema') check(resolved ?? json, spot);
    }
    for (const { list } of context.roots) {
      for (const step of allSteps(list)) {
        for (const { definition, resolved, spot } of step.args)
          if (definition?.kind === 'schema') check(resolved, spot);
      }
    }
  },
};

type SchemaProblem = NonNullable<ReturnType<SchemaCompiler['check']>>;

function report(context: LintContext, spot: Spot, problem: SchemaProblem): void {
  const code = problem.code === 'REGEX_INVALID' ? 'REGEX_INVALID' : 'SCHEMA_INVALID';
  const place = context.places.follow(spot, problem.pointer);
  // That a schema is named which does not exist was said when references were resolved.
  if (context.reporter.has('REFERENCE_UNKNOWN', place)) return;
  context.reporter.report(code, place, problem.message, { fix: problem.fix ?? null });
}
