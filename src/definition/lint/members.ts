import type { Use } from '../../language/use.ts';
import type { StepNode } from '../model.ts';
import { suggest } from '../nearest.ts';
import type { Spot } from '../places.ts';
import type { LintContext, RootList } from './context.ts';
import type { Rule } from './rule.ts';
import { boundShape, type ValueShape } from './shapes.ts';
import { allSteps, calledPipeline } from './walk-steps.ts';

/** What `entities.versioning` may say. */
const VERSIONING = [
  'scheme',
  'ordering',
  'allow_prerelease',
  'latest_policy',
  'latest_policy.enabled',
  'latest_policy.monotonic',
  'latest_policy.exclude_prerelease',
];

/** Where it is known which members a variable's value can have, and which features there are, no others are read. */
export const membersRule: Rule = {
  codes: ['MEMBER_UNKNOWN'],
  run(context) {
    const features = featureNames(context);
    for (const root of context.roots) {
      const shapes = shapesOf(context, root);
      for (const { use, spot } of usesOf(context, root)) {
        const shape = shapes.get(use.name);
        const member = /^\w+\.(\w+)/.exec(use.path)?.[1];
        if (shape?.kind === 'record' && member !== undefined && !shape.members.includes(member)) {
          const message = `"${use.name}" has no member "${member}": ${shape.what} has none`;
          report(context, use, spot, message, suggest(member, shape.members));
        }
        const setting = /^registry\.versioning\.([\w.]+)/.exec(use.path)?.[1];
        if (setting !== undefined && !VERSIONING.includes(setting)) {
          report(context, use, spot, `Versioning has no setting "${setting}"`, suggest(setting, VERSIONING));
        }
        const feature = /^registry\.features\.(\w+)/.exec(use.path)?.[1];
        if (feature !== undefined && !features.includes(feature)) {
          const fix = suggest(feature, features) ?? 'Declare it under "features"';
          report(context, use, spot, `There is no feature "${feature}"`, fix);
        }
      }
    }
  },
};

function report(context: LintContext, use: Use, spot: Spot, message: string, fix: string | null): void {
  context.reporter.report('MEMBER_UNKNOWN', context.places.follow(spot, use.pointer), message, { fix });
}

function featureNames({ raw, model }: LintContext): readonly string[] {
  const { features } = raw();
  const own = typeof features === 'object' && features !== null ? Object.keys(features) : [];
  return [...new Set([...own, ...model.packs.flatMap((pack) => Object.keys(pack.features))])];
}

/** Shapes of the variables that every binding in the list gives the same kind of value. */
function shapesOf(context: LintContext, root: RootList): ReadonlyMap<string, ValueShape> {
  const shapes = new Map<string, ValueShape | null>([...root.names.keys()].map((name) => [name, null]));
  const bind = (name: string, shape: ValueShape | null) => {
    const known = shapes.get(name);
    shapes.set(name, known === undefined ? shape : together(known, shape));
  };
  for (const step of allSteps(root.list)) {
    for (const { definition, json, name } of step.args) {
      if (definition?.kind === 'bindings') bind(name, null);
      if (definition?.kind === 'bind' && typeof json === 'string') {
        const list = step.args.find((node) => node.name === 'in')?.json;
        const items = name === 'as' && typeof list === 'string' ? shapes.get(list.replace(/^\$/, '')) : undefined;
        bind(json, items?.kind === 'list' ? items.item : boundShape(context, step, name));
      }
    }
    for (const name of unwrittenNames(context, step)) bind(name, null);
  }
  return new Map([...shapes].flatMap(([name, shape]) => (shape === null ? [] : [[name, shape] as const])));
}

/** Names that come without being written in the step: they may be anything. */
function unwrittenNames(context: LintContext, step: StepNode): readonly string[] {
  const entity = step.args.find((node) => node.definition?.to === 'entity')?.references[0];
  const called = calledPipeline(step);
  return [
    ...Object.keys(context.model.entities[entity ?? '']?.fields ?? {}),
    ...(context.model.pipelines.get(called ?? '')?.definition.outputs ?? []),
  ];
}

function together(a: ValueShape | null, b: ValueShape | null): ValueShape | null {
  if (a?.kind !== 'record' || b?.kind !== 'record') return null;
  return { kind: 'record', members: [...a.members, ...b.members], what: a.what };
}

function usesOf(context: LintContext, root: RootList): readonly { readonly use: Use; readonly spot: Spot }[] {
  return allSteps(root.list).flatMap((step) => {
    const { when, args } = context.parsed(step);
    const tested = (when?.uses ?? []).map((use) => ({ use, spot: step.when?.spot ?? step.spot }));
    return [...tested, ...args.flatMap(({ node, uses }) => uses.map((use) => ({ use, spot: node.spot })))];
  });
}
