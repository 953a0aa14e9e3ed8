import type { Json } from '../definition/types.ts';
import type { PrincipalView } from '../language/frame.ts';
import { member } from '../language/member.ts';
import { bytesOf, object } from '../trial/contents.ts';
import type { TrialRequest, TrialResponse } from '../trial/trial.ts';
import type { TestPrincipal, TestRequest } from './test-file.ts';

/** A test's request as a trial takes it: `{name}` of kept values filled in, and a content type for JSON bodies that have none. */
export function trialRequest(
  request: TestRequest,
  principal: TestPrincipal | null,
  kept: ReadonlyMap<string, string>,
): TrialRequest {
  const headers = Object.fromEntries(
    Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), fill(value, kept)]),
  );
  const { body } = request;
  if (body !== undefined && object(body).json !== undefined) headers['content-type'] ??= 'application/json';
  const who = request.principal === undefined ? principal : request.principal;
  return {
    method: request.method ?? 'GET',
    target: fill(request.path, kept),
    headers,
    body: body === undefined ? null : bytesOf(fillIn(body, kept)),
    principal: who === null ? null : principalView(who),
  };
}

/** A principal with what was left out. */
export function principalView({ sub, scopes = [], roles = [], org = null }: TestPrincipal): PrincipalView {
  return { sub, scopes, roles, org };
}

/** Adds the values that a step keeps of its answer. Fails where the answer does not have them. */
export function keepValues(
  response: TrialResponse,
  keep: Readonly<Record<string, string>>,
  kept: Map<string, string>,
): void {
  for (const [name, pointer] of Object.entries(keep)) {
    let value: unknown = JSON.parse(response.body.toString());
    for (const segment of pointer.split('/').slice(1)) {
      value = member(value, segment.replaceAll('~1', '/').replaceAll('~0', '~'));
    }
    if (typeof value !== 'string' && typeof value !== 'number') {
      throw new Error(`The answer has no text or number at ${pointer} to keep as "${name}": ${response.body}`);
    }
    kept.set(name, String(value));
  }
}

function fillIn(value: Json, kept: ReadonlyMap<string, string>): Json {
  if (typeof value === 'string') return fill(value, kept);
  if (Array.isArray(value)) return value.map((item: Json) => fillIn(item, kept));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, fillIn(item, kept)]));
}

function fill(text: string, kept: ReadonlyMap<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => kept.get(name) ?? all);
}
