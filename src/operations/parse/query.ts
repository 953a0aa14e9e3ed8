import type { OperationHandler, StepCompiler } from '../../engine/contract.ts';
import { RegistryError } from '../../errors/registry-error.ts';
import type { RequestView } from '../../language/frame.ts';
import { member } from '../../language/member.ts';

/** See `operations/parse/query.json`. */
export const parseQuery: OperationHandler = {
  op: 'parse.query',
  compile(step) {
    const validate = step.schema('schema', { coerce: true });
    const lists = listParameters(step);
    const bind = step.bind('out');
    return (run) => {
      // A copy: the validator fills it in. A parameter named `__proto__` is copied as an ordinary one.
      const query: Record<string, unknown> = { ...run.request.query };
      for (const name of lists) if (Object.hasOwn(query, name)) query[name] = allValues(run.request, name);
      const errors = validate?.(query) ?? null;
      if (errors !== null) {
        const [first] = errors;
        const place = first?.pointer.slice(1) ?? '';
        throw new RegistryError('QUERY_INVALID', {
          message:
            first === undefined
              ? undefined
              : `The query string is not valid: ${place} ${first.message}`.replace('  ', ' '),
          details: errors,
        });
      }
      bind(run, query);
    };
  },
};

/** Names of the parameters that the schema takes as lists. */
function listParameters(step: StepCompiler): readonly string[] {
  const written = step.literal('schema');
  const schema = typeof written === 'string' ? step.definition.schemas[written] : written;
  const properties = member(schema, 'properties');
  if (typeof properties !== 'object' || properties === null) return [];
  return Object.entries(properties)
    .filter(([, property]) => member(property, 'type') === 'array')
    .map(([name]) => name);
}

function allValues(request: RequestView, name: string): readonly string[] {
  return new URLSearchParams(request.url.slice(request.url.indexOf('?') + 1)).getAll(name);
}
