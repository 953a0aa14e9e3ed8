import { readPath } from '../../language/path.ts';
import type { Use } from '../../language/use.ts';
import type { RouteNode, StepList, StepNode } from '../model.ts';
import type { RouteKeeping } from '../types.ts';
import type { LintContext } from './context.ts';
import { asksUpstream } from './effects.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

/** Effects that leave an answer a function of its request and of the records. */
const REPEATABLE: readonly string[] = ['pure', 'control', 'respond'];
/** Members of `request` that are part of what a kept answer is found by. */
const PART_OF_TARGET: readonly string[] = ['path', 'query', 'url', 'base_url'];

/**
 * What the answers of a route depend on, where they may be kept: nothing but the request's target, the headers that `vary_headers`
 * lists, the principal, and records of the store whose sequence tells of every change. Else the reason why not, as a sentence's end.
 */
export function keepingOf(context: LintContext, route: RouteNode): RouteKeeping | string {
  const { responses } = context.caching;
  if (responses === null) return '"caching.response_cache" is not enabled';
  const { methods } = route.definition;
  if (!methods.includes('GET') && !methods.includes('HEAD')) return 'only answers to GET and HEAD are kept';
  let byAddress = false;
  for (const step of stepsOf(context, route.list)) {
    const reason = reasonOf(context, step) ?? headerReason(headerOf(step), responses.varyHeaders);
    if (reason !== null) return reason;
    for (const use of usesOf(context, step)) {
      const read = readOfRequest(use);
      if (read === null) continue;
      if (read.header !== undefined) {
        const unlisted = headerReason(read.header, responses.varyHeaders);
        if (unlisted !== null) return unlisted;
      } else if (!PART_OF_TARGET.includes(read.member)) return `its steps read "${use.path}"`;
      byAddress ||= read.member === 'url' || read.member === 'base_url';
    }
  }
  return { byAddress };
}

/** Every step of a route, with those of the pipelines that it calls. */
function* stepsOf(context: LintContext, list: StepList, seen: Set<string> = new Set()): Generator<StepNode> {
  for (const step of allSteps(list)) {
    yield step;
    const called = calledPipeline(step);
    if (called === null || seen.has(called)) continue;
    seen.add(called);
    const root = context.pipeline(called);
    if (root !== null) yield* stepsOf(context, root.list, seen);
  }
}

function reasonOf(context: LintContext, step: StepNode): string | null {
  const effect = step.operation?.effect ?? 'once';
  if (step.catches.length > 0) return 'what a "catch" answers may be owed to a failure that passes';
  if (asksUpstream(step)) return `"${step.op}" asks another server`;
  if (REPEATABLE.includes(effect)) return readsBody(step) ? "its steps read the request's body" : null;
  if (effect !== 'read') return `"${step.op}" does more than to read records`;
  const documents = documentsOf(context, step);
  if (documents.length === 0) return `nothing tells when what "${step.op}" reads has changed`;
  for (const name of documents) {
    const document = context.model.documents[name];
    if (document === undefined) continue;
    if (document.store !== Object.keys(context.kvStores)[0]) return `"${name}" is not in the first record store`;
    if (mayExpire(context).has(name)) return `records of "${name}" expire with time`;
  }
  return null;
}

function documentsOf({ model }: LintContext, step: StepNode): readonly string[] {
  return step.args.flatMap((node) => {
    if (node.definition?.to === 'document') return node.references;
    if (node.definition?.to !== 'index') return [];
    return node.references.flatMap((index) => model.indexes[index]?.document ?? []);
  });
}

const expiring = new WeakMap<LintContext, ReadonlySet<string>>();

/** Documents with a time to live, their own or one that a step gives. */
function mayExpire(context: LintContext): ReadonlySet<string> {
  const known = expiring.get(context);
  if (known !== undefined) return known;
  const { documents } = context.model;
  const names = new Set(Object.keys(documents).filter((name) => documents[name]!.ttlSeconds > 0));
  for (const { list } of context.roots) {
    for (const step of allSteps(list)) {
      if (!step.args.some((node) => node.name === 'ttl_seconds')) continue;
      for (const name of documentsOf(context, step)) names.add(name);
    }
  }
  expiring.set(context, names);
  return names;
}

/** Bytes come from the request's body where a step does not say from where. */
function readsBody(step: StepNode): boolean {
  return Object.entries(step.operation?.args ?? {}).some(
    ([name, argument]) => argument.kind === 'source' && !step.args.some((node) => node.name === name),
  );
}

/** The header that a step reads by its name, beside templates. */
function headerOf(step: StepNode): string | null {
  if (step.op === 'parse.accept') return 'accept';
  if (step.op !== 'parse.header') return null;
  const name = step.args.find((node) => node.name === 'name')?.json;
  return typeof name === 'string' ? name : '';
}

function headerReason(name: string | null, varyHeaders: readonly string[]): string | null {
  if (name === null || varyHeaders.includes(name.toLowerCase())) return null;
  return `its steps read the header "${name}", which "caching.response_cache.vary_headers" does not list`;
}

function usesOf(context: LintContext, step: StepNode): readonly Use[] {
  const { when, args } = context.parsed(step);
  return [...(when?.uses ?? []), ...args.flatMap((argument) => argument.uses)];
}

/** What of the request is read; null where nothing is. A path that cannot be followed reads all of it. */
function readOfRequest({ name, path }: Use): { readonly member: string; readonly header?: string } | null {
  if (name !== 'request') return path.includes('[$request') ? { member: '' } : null;
  const read = readPath(path, 0);
  if (read === null || read.end !== path.length) return { member: '' };
  const [member, header] = read.path.steps;
  if (member?.kind !== 'member') return { member: '' };
  if (member.name !== 'headers') return { member: String(member.name) };
  return header?.kind === 'member' ? { member: 'headers', header: String(header.name) } : { member: '' };
}
