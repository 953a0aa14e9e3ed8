import { ROOTS } from '../language/frame.ts';
import type { Names } from './names.ts';
import type { Places, Spot } from './places.ts';
import type { Reporter } from './reporter.ts';
import type {
  AccessRuleDefinition,
  DocumentDefinition,
  EntityDefinition,
  EventDefinition,
  IndexDefinition,
  Json,
  JsonObject,
  PackDefinition,
  PipelineDefinition,
  RouteDefinition,
  StepDefinition,
} from './types.ts';
import type { ArgumentDefinition, OperationDefinition, Vocabulary } from './vocabulary.ts';

/** Roots that are there wherever a request is. */
export const ALL_ROOTS: readonly string[] = Object.keys(ROOTS);

/** What everything that reads the definition shares. */
export interface LoadContext {
  readonly places: Places;
  readonly reporter: Reporter;
  readonly names: Names;
  readonly vocabulary: Vocabulary;
  /** Kinds of kv stores that this version can open. */
  readonly availableKvKinds: readonly string[];
  /** Those of them that can search texts. */
  readonly fullTextKvKinds: readonly string[];
}

/** A list of steps as written, with what it stands on. */
export interface StepList {
  readonly spot: Spot;
  readonly steps: readonly StepNode[];
  /** The same steps as the Definition has them. */
  readonly definitions: readonly StepDefinition[];
}

/** One step: its JSON, what the vocabulary says of it, and the Definition's form of it. */
export interface StepNode {
  /** The step object. */
  readonly spot: Spot;
  readonly json: JsonObject;
  readonly op: string;
  readonly pack: string | null;
  /** Null when no operation has this name. */
  readonly operation: OperationDefinition | null;
  /** In the order written, without `when`; object arguments with dotted names as their members. */
  readonly args: readonly ArgumentNode[];
  readonly argsSpot: Spot;
  readonly when: { readonly json: Json; readonly spot: Spot } | null;
  readonly catches: readonly { readonly code: string; readonly list: StepList }[];
  readonly definition: StepDefinition;
}

export interface ArgumentNode {
  /** Dotted for a member of an object argument (`collect.from`). */
  readonly name: string;
  readonly spot: Spot;
  readonly json: Json;
  /** As the Definition has it: names qualified, steps as step definitions. */
  readonly resolved: Json;
  /** Null when the operation has no such argument. */
  readonly definition: ArgumentDefinition | null;
  /** For `reference` and a `schema` by name: the qualified names. */
  readonly references: readonly string[];
  /** For `pipeline`. */
  readonly list: StepList | null;
  /** Where it comes from, where it was not written (`filled-in.ts`). */
  readonly from: string | null;
}

export interface RouteNode {
  readonly definition: RouteDefinition;
  /** The route object. */
  readonly spot: Spot;
  readonly json: JsonObject;
  readonly list: StepList;
  /** Spot of each of `definition.paths`, in the same order. */
  readonly pathSpots: readonly Spot[];
}

export interface PipelineNode {
  readonly definition: PipelineDefinition;
  readonly json: JsonObject;
  readonly list: StepList;
}

export interface AccessNode {
  /** Qualified. */
  readonly name: string;
  readonly pack: string | null;
  readonly spot: Spot;
  /** As written, and as the Definition has them. */
  readonly rules: readonly { readonly json: JsonObject; readonly definition: AccessRuleDefinition }[];
  /** It stands in the place of a pack's. */
  readonly replaces: boolean;
}

/** Apply pipelines have the fields of their events as variables. */
export interface ApplyPipelineNode {
  readonly name: string;
  readonly events: readonly string[];
  readonly list: StepList;
}

/** A JSON value in one of the languages, outside steps. */
export interface LooseValue {
  readonly kind: 'template' | 'condition' | 'regex' | 'schema' | 'key';
  readonly json: Json;
  /** For `schema`: with its references to other schemas resolved. */
  readonly resolved?: JsonObject;
  readonly spot: Spot;
  /** The variables and roots that may be read there; null: others judge what it reads. */
  readonly names: readonly string[] | null;
}

/** What the sections of all files come to; rules read it, `load.ts` makes the Definition of it. */
export interface Model {
  readonly packs: PackDefinition[];
  readonly entities: Record<string, EntityDefinition>;
  readonly documents: Record<string, DocumentDefinition>;
  readonly schemas: Record<string, JsonObject>;
  readonly indexes: Record<string, IndexDefinition>;
  readonly events: Record<string, EventDefinition>;
  readonly access: Map<string, AccessNode>;
  readonly routes: RouteNode[];
  readonly pipelines: Map<string, PipelineNode>;
  readonly applyPipelines: ApplyPipelineNode[];
  readonly loose: LooseValue[];
  /** The `errors` of `schema.json` and of packs, as written. */
  readonly errorTables: JsonObject[];
  /** Documents and indexes as written, by their qualified names. */
  readonly documentJson: { readonly name: string; readonly json: Json }[];
  readonly indexJson: { readonly name: string; readonly json: Json }[];
}
