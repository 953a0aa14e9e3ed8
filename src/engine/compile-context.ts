import type { Definition, StepDefinition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import type { SchemaValidator } from '../language/json-schema.ts';
import type { Upstream } from '../ports/upstream.ts';
import type { DocumentPlan, IndexPlan, OperationHandler, StepRun } from './contract.ts';
import type { PipelineScope } from './scope.ts';
import type { StepWatch } from './watch.ts';

/** What compiling a pipeline needs to know; made once for a definition. */
export interface CompileContext {
  readonly definition: Definition;
  readonly vocabulary: Vocabulary;
  readonly handlers: ReadonlyMap<string, OperationHandler>;
  readonly document: (name: string) => DocumentPlan;
  readonly index: (name: string) => IndexPlan;
  readonly upstream: (name: string) => Upstream;
  readonly schema: (schemaOrName: object | string, coerce?: boolean) => SchemaValidator;
  /** Compiles a list of steps in a scope. `path` names the place for once-steps and errors. */
  readonly steps: (steps: readonly StepDefinition[], scope: PipelineScope, path: string) => StepRun;
  /** A shared pipeline, compiled when it is first called. */
  readonly pipeline: (name: string) => CompiledPipeline;
  /** Null: nobody looks on, and steps run as they are. */
  readonly watch: StepWatch | null;
}

/** A shared pipeline: its own scope, its inputs in the first slots. */
export interface CompiledPipeline {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** How many slots its frame needs; inputs come first, in their order. */
  slotCount(): number;
  /** Slots of the outputs, in their order. */
  outputSlots(): readonly number[];
  readonly run: StepRun;
}
