import type {
  Definition,
  ErrorEntryDefinition,
  Json,
  JsonObject,
  RouteDefinition,
  StepDefinition,
} from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { errorCode } from '../errors/codes.ts';
import type { OpenApiSchemas } from './openapi-schemas.ts';

/** The component that describes the engine's own error body. */
export const ERROR_SCHEMA = 'Error';

const MEDIA_TYPES: Readonly<Record<string, string | null>> = {
  'respond.json': 'application/json',
  'respond.bytes': 'application/octet-stream',
  'blob.fill': 'application/octet-stream',
  'respond.text': 'text/plain',
  'respond.empty': null,
  'respond.redirect': null,
};

/** The answers that the steps of a route can give, by status: what they respond, and the errors they may fail with. */
export function responsesOf(
  definition: Definition,
  vocabulary: Vocabulary,
  route: RouteDefinition,
  steps: readonly StepDefinition[],
  schemas: OpenApiSchemas,
): JsonObject {
  const responses = new Map<string, JsonObject>();
  for (const step of steps) {
    if (!Object.hasOwn(MEDIA_TYPES, step.op)) continue;
    const status = step.args.status ?? vocabulary.get(step.op)?.args.status?.default;
    const mediaType =
      typeof step.args.media_type === 'string' && !/[${]/.test(step.args.media_type)
        ? step.args.media_type
        : MEDIA_TYPES[step.op];
    // One without the argument has no other.
    const key = step.op === 'blob.fill' ? '200' : typeof status === 'number' ? String(status) : 'default';
    responses.set(key, merged(responses.get(key), success(route, step, mediaType ?? null, schemas)));
  }
  for (const [status, codes] of errorsOf(definition, vocabulary, route, steps)) {
    const own = codes.every((code) => tableEntry(definition, route, code)?.body == null);
    const schema: JsonObject = own ? { $ref: `#/components/schemas/${ERROR_SCHEMA}` } : {};
    const content = { 'application/json': { schema } };
    responses.set(status, merged(responses.get(status), { description: codes.join(', '), content }));
  }
  return Object.fromEntries([...responses].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function success(
  route: RouteDefinition,
  step: StepDefinition,
  mediaType: string | null,
  schemas: OpenApiSchemas,
): JsonObject {
  if (step.op === 'respond.redirect') {
    return { description: 'Elsewhere', headers: { Location: { schema: { type: 'string' }, required: true } } };
  }
  if (mediaType === null) return { description: 'Done; no body' };
  if (step.op !== 'respond.json')
    return { description: step.op === 'respond.text' ? 'A text' : 'The bytes', content: { [mediaType]: {} } };
  const schema = route.returns === null ? {} : schemas.use(route.returns, `${route.id}.returns`);
  return { description: 'JSON', content: { [mediaType]: { schema } } };
}

/** Two answers of one status: both descriptions, and every media type. */
function merged(before: JsonObject | undefined, next: JsonObject): JsonObject {
  if (before === undefined) return next;
  const descriptions = [...new Set([before.description, next.description])].join('; or ');
  const content = { ...(before.content as JsonObject | undefined), ...(next.content as JsonObject | undefined) };
  return { ...before, ...next, description: descriptions, ...(Object.keys(content).length > 0 ? { content } : {}) };
}

/** Codes by status: those of the steps that no `catch` takes, and those that come before them. Of 500 and above, the class alone. */
function errorsOf(
  definition: Definition,
  vocabulary: Vocabulary,
  route: RouteDefinition,
  steps: readonly StepDefinition[],
): ReadonlyMap<string, readonly string[]> {
  const byStatus = new Map<string, Set<string>>();
  const add = (code: string, given: Json | undefined) => {
    const status =
      tableEntry(definition, route, code)?.status ?? (typeof given === 'number' ? given : errorCode(code).status);
    const key = status >= 500 ? '5XX' : String(status);
    byStatus.set(key, (byStatus.get(key) ?? new Set()).add(code));
  };
  for (const step of steps) {
    const caught = Object.keys(step.catch ?? {});
    if (caught.includes('*')) continue;
    for (const code of vocabulary.get(step.op)?.errors ?? []) if (!caught.includes(code)) add(code, undefined);
    const { code } = step.args;
    if (step.op === 'respond.error' && typeof code === 'string' && !/[${]/.test(code)) add(code, step.args.status);
  }
  if (!byStatus.has('5XX')) byStatus.set('5XX', new Set(['INTERNAL']));
  return new Map([...byStatus].map(([status, codes]) => [status, [...codes].sort()]));
}

function tableEntry(definition: Definition, route: RouteDefinition, code: string): ErrorEntryDefinition | undefined {
  const own = definition.packs.find((pack) => pack.name === route.pack)?.errors ?? {};
  const found = [own, definition.errors].find((table) => Object.hasOwn(table, code) || Object.hasOwn(table, '*'));
  return found?.[code] ?? found?.['*'];
}
