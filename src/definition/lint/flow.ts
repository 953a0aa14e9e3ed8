import type { Use } from '../../language/use.ts';
import { ALL_ROOTS, type ArgumentNode, type StepList, type StepNode } from '../model.ts';
import type { Spot } from '../places.ts';
import { readsBody } from './body-reads.ts';
import type { LintContext, NameUse, ParsedArgument, ParsedStep } from './context.ts';
import { bind, type FlowState, join, prove, type Worth } from './flow-state.ts';
import { namesBoundBy, namesProvenBy, namesReadBy } from './special-binds.ts';
import { calledPipeline } from './walk-steps.ts';

const CALL = 'flow.call';

/** What happens while steps are followed; collected into an Analysis. */
export interface FlowLog {
  readonly unbound: NameUse[];
  readonly nullable: NameUse[];
  readonly binds: { name: string; spot: Spot; at: 'key' | 'value' }[];
  readonly reads: Set<string>;
  readonly bodyAgain: { spot: Spot; first: Spot; certain: boolean }[];
  /** The first step of each list that no way reaches, although some way reaches the list. */
  readonly unreachable: Spot[];
}

export function createFlowLog(): FlowLog {
  return { unbound: [], nullable: [], binds: [], reads: new Set(), bodyAgain: [], unreachable: [] };
}

/** Follows a list of steps from a state and gives the state after its last step. Steps that cannot be reached are followed, too. */
export function walkFlow(
  context: LintContext,
  list: Pick<StepList, 'steps'>,
  start: FlowState,
  log: FlowLog,
): FlowState {
  let state = start;
  let isNoted = !start.live;
  for (const step of list.steps) {
    if (!state.live && !isNoted) {
      log.unreachable.push(step.spot);
      isNoted = true;
    }
    state = walkStep(context, step, state, log);
  }
  return state;
}

function walkStep(context: LintContext, step: StepNode, start: FlowState, log: FlowLog): FlowState {
  const parsed = context.parsed(step);
  const { when } = parsed;
  const asked =
    when === null
      ? start
      : readUses(context, start, when.uses, { spot: step.when?.spot ?? step.spot, from: null }, log);
  const before = when === null ? asked : prove(asked, when.nonNull);
  const done = runStep(context, step, parsed, before, log);
  const after = step.catches.length === 0 ? done : walkCatches(context, step, before, done, log);
  const end = when === null ? after : join(after, prove(asked, when.nonNullElse));
  return start.live ? end : { ...end, live: false };
}

/** The step itself, without `when` and `catch`. */
function runStep(context: LintContext, step: StepNode, parsed: ParsedStep, before: FlowState, log: FlowLog): FlowState {
  let state = before;
  for (const argument of parsed.args) {
    if (!isInside(argument)) state = readUses(context, state, argument.uses, argument.node, log);
  }
  for (const name of namesReadBy(context, step)) log.reads.add(name);
  state = readBody(context, step, parsed, state, log);
  state = runLists(context, step, parsed, state, log);
  const binds = parsed.args.flatMap((argument) => (isInside(argument) ? [] : bindsOf(argument, before)));
  for (const { name, spot, at } of binds) log.binds.push({ name, spot, at });
  state = bind(state, [
    ...binds.map(({ name, worth }): [string, Worth] => [name, worth]),
    ...namesBoundBy(context, step, state),
  ]);
  state = prove(state, namesProvenBy(context, step));
  // What others run (a build) says nothing of whether this list goes on.
  const called = step.op === CALL ? calledPipeline(step) : null;
  const root = called === null ? null : context.pipeline(called);
  const ends = step.operation?.effect === 'respond' || (root !== null && !context.analysis(root).end.live);
  return ends ? { ...state, live: false } : state;
}

function isInside({ node }: ParsedArgument): boolean {
  return node.definition?.scope === 'inside' && node.definition.kind !== 'pipeline';
}

/** The lists of steps among the arguments. Those of one step are alternatives, of which none may run unless there is an `else`. */
function runLists(
  context: LintContext,
  step: StepNode,
  parsed: ParsedStep,
  before: FlowState,
  log: FlowLog,
): FlowState {
  const lists = parsed.args.filter(({ node }) => node.list !== null);
  if (parsed.args.some(({ node }) => node.definition?.scope === 'inside'))
    return join(walkLoop(context, parsed, before, log), before);
  if (lists.length === 0) return before;
  const test =
    step.op === 'flow.if' ? (parsed.args.find(({ condition }) => condition !== null)?.condition ?? null) : null;
  const ends = lists.map(({ node }): FlowState => {
    const list = node.list ?? { steps: [] };
    const proven = test === null ? [] : node.name === 'else' ? test.nonNullElse : test.nonNull;
    return walkFlow(context, list, prove(before, proven), log);
  });
  const isExhaustive = step.op === 'flow.if' && step.args.some((node) => node.name === 'else');
  const none = prove(before, test?.nonNullElse ?? []);
  return (isExhaustive ? ends : [...ends, none]).reduce(join);
}

/** A body that runs any number of times and keeps what it binds to itself. */
function walkLoop(context: LintContext, parsed: ParsedStep, before: FlowState, log: FlowLog): FlowState {
  const own = parsed.args.filter((argument) => isInside(argument)).flatMap((argument) => bindsOf(argument, before));
  for (const { name, spot, at } of own) log.binds.push({ name, spot, at });
  let start = bind(
    before,
    own.map(({ name, worth }): [string, Worth] => [name, worth]),
  );
  for (const { node, uses, condition } of parsed.args.filter(isInside)) {
    if (condition !== null) start = prove(readUses(context, start, uses, node, log), condition.nonNull);
  }
  let end = start;
  for (const { node } of parsed.args) if (node.list !== null) end = walkFlow(context, node.list, end, log);
  for (const { node, uses, condition } of parsed.args.filter(isInside)) {
    if (condition === null) end = readUses(context, end, uses, node, log);
  }
  if (end.body !== null && end.body.spot !== before.body?.spot) {
    log.bodyAgain.push({ spot: end.body.spot, first: end.body.spot, certain: true });
  }
  return { names: before.names, live: true, body: end.body };
}

/** After an error the step may have bound any of its names or none. */
function walkCatches(
  context: LintContext,
  step: StepNode,
  before: FlowState,
  done: FlowState,
  log: FlowLog,
): FlowState {
  const failed = bind(join(before, { ...done, live: true }), [['error', 'bound']]);
  return step.catches.reduce((state, handler) => {
    const end = walkFlow(context, handler.list, failed, log);
    return join(state, restoreError(end, before));
  }, done);
}

/** `error` belongs to the steps of the catch alone. */
function restoreError(state: FlowState, before: FlowState): FlowState {
  const names = new Map(state.names);
  const outer = before.names.get('error');
  if (outer === undefined) names.delete('error');
  else names.set('error', outer);
  return { ...state, names };
}

function bindsOf(
  { node, template }: ParsedArgument,
  before: FlowState,
): readonly { name: string; worth: Worth; spot: Spot; at: 'key' | 'value' }[] {
  const { definition, json, spot } = node;
  if (definition?.kind === 'bind' && typeof json === 'string') {
    return [{ name: json, worth: definition.nullable ? 'maybe' : 'bound', spot, at: 'value' }];
  }
  if (definition?.kind !== 'bindings') return [];
  const copied = template?.uses.find((use) => use.whole && use.place === 'value' && use.pointer === '')?.name;
  const isNullable = json === null || (copied !== undefined && before.names.get(copied) === 'maybe');
  return [{ name: node.name, worth: isNullable ? 'maybe' : 'bound', spot, at: 'key' }];
}

function readUses(
  context: LintContext,
  state: FlowState,
  uses: readonly Use[],
  { spot, from }: Pick<ArgumentNode, 'spot' | 'from'>,
  log: FlowLog,
): FlowState {
  const proven: string[] = [];
  for (const use of uses) {
    if (ALL_ROOTS.includes(use.name)) continue;
    log.reads.add(use.name);
    const worth = state.names.get(use.name);
    const place = {
      name: use.name,
      path: use.path,
      spot: context.places.follow(spot, use.pointer),
      from,
      known: [...state.names.keys()],
    };
    if (worth === undefined) log.unbound.push(place);
    if (worth !== 'maybe' || use.place !== 'text' || use.optional) continue;
    log.nullable.push(place);
    // Where null fails, what comes after is reached only with a value.
    proven.push(use.name);
  }
  return prove(state, proven);
}

function readBody(context: LintContext, step: StepNode, parsed: ParsedStep, state: FlowState, log: FlowLog): FlowState {
  const spot = readsBody(context, step, parsed);
  if (spot === null) return state;
  if (state.body !== null && state.live)
    log.bodyAgain.push({ spot, first: state.body.spot, certain: state.body.certain });
  return { ...state, body: { spot, certain: true } };
}
