import { createSchemaCompiler, type SchemaCompiler } from '../../language/json-schema.ts';
import { suggest } from '../nearest.ts';
import { isObject } from '../object-reader.ts';
import { escapePointer, type Spot } from '../places.ts';
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
      if (!isObject(resolved)) return;
      for (const { pointer, name, known } of impossible(resolved, '')) {
        const message = `"${name}" is required and is not among the properties, which are all that is allowed`;
        context.reporter.report('SCHEMA_INVALID', context.places.follow(spot, pointer), message, {
          fix: suggest(name, known),
        });
      }
      if (isPlainSchema(resolved, context.model.schemas)) return;
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

interface Impossible {
  readonly pointer: string;
  readonly name: string;
  readonly known: readonly string[];
}

/** Members that a schema, or one inside it, both requires and forbids: no value fits it. */
function impossible(schema: Json, pointer: string): readonly Impossible[] {
  if (Array.isArray(schema)) return schema.flatMap((item: Json, index) => impossible(item, `${pointer}/${index}`));
  if (!isObject(schema)) return [];
  const { required, properties } = schema;
  const known = isObject(properties) ? Object.keys(properties) : [];
  const isClosed = schema.additionalProperties === false && schema.patternProperties === undefined;
  const names = isClosed && Array.isArray(required) ? required : [];
  const own = names.flatMap((name: Json, index): readonly Impossible[] =>
    typeof name !== 'string' || known.includes(name) ? [] : [{ pointer: `${pointer}/required/${index}`, name, known }],
  );
  // What `enum`, `const` and the like hold are values.
  const inner = Object.entries(schema).filter(
    ([keyword]) => !['enum', 'const', 'default', 'examples'].includes(keyword),
  );
  return [...own, ...inner.flatMap(([keyword, value]) => impossible(value, `${pointer}/${escapePointer(keyword)}`))];
}

type SchemaProblem = NonNullable<ReturnType<SchemaCompiler['check']>>;

function report(context: LintContext, spot: Spot, problem: SchemaProblem): void {
  const code = problem.code === 'REGEX_INVALID' ? 'REGEX_INVALID' : 'SCHEMA_INVALID';
  const place = context.places.follow(spot, problem.pointer);
  // That a schema is named which does not exist was said when references were resolved.
  if (context.reporter.has('REFERENCE_UNKNOWN', place)) return;
  context.reporter.report(code, place, problem.message, { fix: problem.fix ?? null });
}
