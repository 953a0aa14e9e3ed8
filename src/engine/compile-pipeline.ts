import type { StepDefinition } from '../definition/types.ts';
import { compileCondition, parseCondition } from '../language/condition.ts';
import type { Prelude } from '../language/frame.ts';
import { runPreludes } from '../language/template-text.ts';
import { type MaybePromise, whenReady } from '../shared/maybe-promise.ts';
import type { CompileContext, CompiledPipeline } from './compile-context.ts';
import type { Run, Signal, StepRun } from './contract.ts';
import { errorView } from './error-view.ts';
import { PipelineScope } from './scope.ts';
import { namedError, type SequenceStep, sequence } from './sequence.ts';
import type { RequestSession } from './session.ts';
import { StepArguments } from './step-arguments.ts';
import { transactionBlock } from './transaction-block.ts';
import { walkSteps } from './walk-steps.ts';
import type { StepSite } from './watch.ts';

/** Compiles a list of steps in a scope. `path` names the place for once-steps and errors. */
export function compileSteps(
  context: CompileContext,
  steps: readonly StepDefinition[],
  scope: PipelineScope,
  path: string,
): StepRun {
  const compiled: SequenceStep[] = [];
  for (let index = 0; index < steps.length; index++) {
    const step = steps[index]!;
    const site = nameOf(step, `${path}${index + 1}`);
    if (step.op !== 'txn.begin') {
      compiled.push({ run: compileStep(context, step, scope, `${path}${index + 1}`), site });
      continue;
    }
    const end = steps.findIndex((other, at) => at > index && (other.op === 'txn.commit' || other.op === 'txn.abort'));
    if (end === -1) throw new Error('The checker let an unpaired txn.begin pass');
    const body: SequenceStep[] = [];
    for (let inner = index + 1; inner < end; inner++) {
      const innerStep = steps[inner]!;
      const place = `${path}${inner + 1}`;
      body.push({
        run: compileStep(context, innerStep, scope, place),
        site: nameOf(innerStep, place),
      });
    }
    const kind = steps[end]!.op === 'txn.commit' ? 'commit' : 'abort';
    const block = transactionBlock(sequence(body), kind, transactionStore(context, steps.slice(index, end)));
    compiled.push({
      run: context.watch?.wrap(block, siteOf(step, `${path}${index + 1}`, [])) ?? block,
      site,
    });
    index = end;
  }
  return sequence(compiled);
}

/** The record store of the documents that a transaction names; the first one where it names none. */
function transactionStore(context: CompileContext, steps: readonly StepDefinition[]): string {
  const { definition, vocabulary } = context;
  for (const step of walkSteps(definition, vocabulary, steps)) {
    for (const [name, argument] of Object.entries(vocabulary.get(step.op)?.args ?? {})) {
      const reference = step.args[name];
      if (typeof reference !== 'string') continue;
      if (argument.to === 'document') return context.document(reference).store;
      if (argument.to === 'index') return context.index(reference).document.store;
    }
  }
  return Object.keys(definition.kvStores)[0] ?? '';
}

function compileStep(context: CompileContext, step: StepDefinition, scope: PipelineScope, place: string): StepRun {
  if (step.op === 'txn.abort') return abortNested;
  const operation = context.vocabulary.get(step.op);
  const handler = context.handlers.get(step.op);
  if (operation === undefined || handler === undefined)
    throw new Error(`The checker let the operation ${step.op} pass`);

  // The condition is compiled first: it reads what was bound before the step.
  const when = step.when === null ? null : compileCondition(parseCondition(step.when), scope);
  const args = new StepArguments(context, step, operation, scope, place);
  let run = withPreludes(handler.compile(args), args.preludes);
  if (operation.effect === 'once') {
    const slots = args.bound.map(({ slot }) => slot);
    run = once(run, place + step.op, slots);
  }
  if (step.catch !== null) run = withCatch(context, step, run, scope, place);
  const site = siteOf(step, place, args.bound);
  if (context.watch !== null) run = context.watch.wrap(run, site);
  if (when !== null) run = withCondition(run, watchedTest(context, when.test, site), when.prelude);
  return run;
}

/** How errors name a step. */
function nameOf(step: StepDefinition, place: string): string {
  return step.label ?? `${step.op} (${place})`;
}

function siteOf(step: StepDefinition, place: string, binds: StepSite['binds']): StepSite {
  return { op: step.op, label: step.label, place, binds };
}

/** Tells whoever looks on of the steps that their condition leaves out. */
function watchedTest(
  { watch }: CompileContext,
  test: (frame: Run) => boolean,
  site: StepSite,
): (frame: Run) => boolean {
  const skipped = watch?.skipped?.bind(watch);
  if (skipped === undefined) return test;
  return (frame) => {
    const holds = test(frame);
    if (!holds) skipped(site);
    return holds;
  };
}

/** An abort deeper than its begin: the checker has seen to it that a response follows, which drops the buffered writes. */
function abortNested(run: Run): Signal {
  const txn = (run.session as RequestSession).txn;
  txn?.drop();
  return undefined;
}

function withPreludes(run: StepRun, preludes: readonly Prelude[]): StepRun {
  if (preludes.length === 0) return run;
  return (frame) => whenReady(runPreludes(preludes, frame), () => run(frame));
}

function withCondition(run: StepRun, test: (frame: Run) => boolean, prelude: Prelude | null): StepRun {
  if (prelude === null) return (frame) => (test(frame) ? run(frame) : undefined);
  return (frame) => whenReady(prelude(frame), () => (test(frame) ? run(frame) : undefined));
}

/**
 * In a transaction, what the step did in the first attempt stands for all attempts: bytes of a request come once,
 * and a clock that moved would make each attempt another transaction.
 */
function once(run: StepRun, step: string, slots: readonly number[]): StepRun {
  return (frame) => {
    const txn = (frame.session as RequestSession).txn;
    if (txn === null) return run(frame);
    const key = txn.onceKey(step);
    const before = txn.memory.once.get(key);
    if (before !== undefined) {
      if ('error' in before) throw before.error;
      slots.forEach((slot, index) => {
        frame.slots[slot] = before.values[index];
      });
      return undefined;
    }
    const remember = (signal: Signal): Signal => {
      txn.memory.once.set(key, { values: slots.map((slot) => frame.slots[slot]) });
      return signal;
    };
    const forget = (error: unknown): never => {
      txn.memory.once.set(key, { error });
      throw error;
    };
    try {
      const result = run(frame);
      return result instanceof Promise ? result.then(remember, forget) : remember(result);
    } catch (error) {
      return forget(error);
    }
  };
}

function withCatch(
  context: CompileContext,
  step: StepDefinition,
  run: StepRun,
  scope: PipelineScope,
  place: string,
): StepRun {
  const slot = scope.bind('error');
  const name = nameOf(step, place);
  const handlers = new Map<string, StepRun>();
  for (const [code, steps] of Object.entries(step.catch ?? {})) {
    handlers.set(code, compileSteps(context, steps, scope, `${place}.catch.${code}.`));
  }
  const recover = (frame: Run, thrown: unknown): MaybePromise<Signal> => {
    const error = namedError(thrown, name);
    // Who left is no failure that steps could make up for.
    const handler = handlers.get(error.code) ?? (error.code === 'CLIENT_GONE' ? undefined : handlers.get('*'));
    if (handler === undefined) throw error;
    frame.session.caught = error;
    // `error` belongs to the steps of the catch alone: around them another catch may have its own.
    const around = frame.slots[slot];
    frame.slots[slot] = errorView(error, frame.session);
    return whenReady(handler(frame), (signal) => {
      frame.slots[slot] = around;
      return signal;
    });
  };
  return (frame) => {
    try {
      const result = run(frame);
      return result instanceof Promise ? result.catch((thrown) => recover(frame, thrown)) : result;
    } catch (thrown) {
      return recover(frame, thrown);
    }
  };
}

/** A shared pipeline: its own scope, its inputs in the first slots. */
export function compileSharedPipeline(context: CompileContext, name: string): CompiledPipeline {
  const pipeline = context.definition.pipelines[name];
  if (pipeline === undefined) throw new Error(`The checker let the pipeline ${name} pass`);
  const scope = new PipelineScope();
  for (const input of pipeline.inputs) scope.bind(input);
  const run = compileSteps(context, pipeline.pipeline, scope, `${name}.`);
  const outputSlots = pipeline.outputs.map((output) => scope.slotOf(output));
  return {
    inputs: pipeline.inputs,
    outputs: pipeline.outputs,
    slotCount: () => scope.size,
    outputSlots: () => outputSlots,
    run,
  };
}
