import type { ErrorObject } from 'ajv/dist/2020.js';

const LONGEST_SHOWN = 60;

/** A sentence about what is wrong. It quotes the schema and the names of members, shortened; never a value that was sent. */
export function describeError(error: ErrorObject): string {
  const params: Readonly<Record<string, unknown>> = error.params;
  switch (error.keyword) {
    case 'type':
      return `must be ${[params.type].flat().map(withArticle).join(' or ')}`;
    case 'required':
      return `must have the member ${show(params.missingProperty)}`;
    case 'additionalProperties':
      return `must not have the member ${show(params.additionalProperty)}`;
    case 'unevaluatedProperties':
      return `must not have the member ${show(params.unevaluatedProperty)}`;
    case 'propertyNames':
      return `must not have a member called ${show(params.propertyName)}`;
    case 'enum':
      return `must be one of ${showList(params.allowedValues)}`;
    case 'const':
      return `must be ${show(params.allowedValue)}`;
    case 'pattern':
      return `must match the pattern ${show(params.pattern)}`;
    case 'format':
      return `must have the format ${show(params.format)}`;
    case 'uniqueItems':
      return `must not hold the same element twice (${String(params.j)} and ${String(params.i)})`;
    case 'false schema':
      return 'must not be there';
    default:
      return error.message === undefined ? `does not fit "${error.keyword}"` : error.message.replace('NOT', 'not');
  }
}

function withArticle(type: unknown): string {
  const name = String(type);
  if (name === 'null') return name;
  return /^[aio]/.test(name) ? `an ${name}` : `a ${name}`;
}

function showList(values: unknown): string {
  if (!Array.isArray(values)) return show(values);
  const shown = values.slice(0, 10).map(show).join(', ');
  return values.length > 10 ? `${shown}, ...` : shown;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
}
