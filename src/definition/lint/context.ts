import type { Condition } from '../../language/condition.ts';
import type { Problem } from '../../language/problem.ts';
import type { KeyTemplate } from '../../language/record-key.ts';
import type { Template } from '../../language/template.ts';
import type { Use } from '../../language/use.ts';
import type { ArgumentNode, LoadContext, Model, StepList, StepNode } from '../model.ts';
import type { Spot } from '../places.ts';
import type { AuthDefinition, CachingDefinition, JsonObject, KvStoreDefinition, OpsDefinition } from '../types.ts';
import type { FlowState } from './flow-state.ts';

/** What rules look at. What several of them need is worked out once. */
export interface LintContext extends LoadContext {
  readonly model: Model;
  readonly ops: OpsDefinition;
  readonly kvStores: Readonly<Record<string, KvStoreDefinition>>;
  readonly auth: AuthDefinition;
  readonly caching: CachingDefinition;
  /** `schema.json` as written; what stands in it has places. */
  readonly schema: JsonObject;
  /** All files as one JSON value in the form of a one-file registry. */
  raw(): JsonObject;
  /** The language inside a step's arguments, parsed. */
  parsed(step: StepNode): ParsedStep;
  keyTemplate(document: string): KeyTemplate | null;
  /** Lists of steps that stand on their own: of routes, pipelines and apply pipelines. */
  readonly roots: readonly RootList[];
  /** What the flow analysis found out about such a list. */
  analysis(root: RootList): Analysis;
  /** The root list of a shared pipeline; null when there is none of that name. */
  pipeline(name: string): RootList | null;
}

/** A list of steps that runs in a scope of its own. */
export interface RootList {
  readonly kind: 'route' | 'pipeline' | 'apply';
  readonly name: string;
  readonly list: StepList;
  /** Names that are there before the first step; `maybe` may be null. */
  readonly names: ReadonlyMap<string, 'bound' | 'maybe'>;
}

/** A step's arguments with the language in them parsed. */
export interface ParsedStep {
  readonly when: Condition | null;
  readonly args: readonly ParsedArgument[];
}

export interface ParsedArgument {
  readonly node: ArgumentNode;
  /** Readings of variables; pointers count from the argument's value. */
  readonly uses: readonly Use[];
  readonly problems: readonly Problem[];
  /** For `template`, `source` and each value of `bindings`. */
  readonly template: Template | null;
  /** For `condition`. */
  readonly condition: Condition | null;
}

/** What following a list of steps from its start came to. */
export interface Analysis {
  /** After the last step. */
  readonly end: FlowState;
  /** Readings of names that were never bound. */
  readonly unbound: readonly NameUse[];
  /** Readings inside texts of names that may be null. */
  readonly nullable: readonly NameUse[];
  /** What steps bind by their arguments. */
  readonly binds: readonly { readonly name: string; readonly spot: Spot; readonly at: 'key' | 'value' }[];
  /** Names that something reads. */
  readonly reads: ReadonlySet<string>;
  /** Readings of the request body after another. */
  readonly bodyAgain: readonly { readonly spot: Spot; readonly first: Spot; readonly certain: boolean }[];
  /** The first step of each list that no way reaches. */
  readonly unreachable: readonly Spot[];
}

export interface NameUse {
  readonly name: string;
  /** As written. */
  readonly path: string;
  readonly spot: Spot;
  /** What reads it, where that is not written in the step (`filled-in.ts`). */
  readonly from: string | null;
  /** Names that are bound there. */
  readonly known: readonly string[];
}
