import type { Spot } from '../places.ts';

/** A variable's worth at a point: `bound` has a value that is not null, `maybe` may be null. One that is absent was never bound. */
export type Worth = 'bound' | 'maybe';

/** Whether the request body was read on the way here: on some ways, or on all. */
export interface BodyRead {
  readonly spot: Spot;
  readonly certain: boolean;
}

/** What is known at a point of a pipeline. */
export interface FlowState {
  readonly names: ReadonlyMap<string, Worth>;
  /** False where every way here has responded. */
  readonly live: boolean;
  readonly body: BodyRead | null;
}

/** The state after two ways come together: a name that only one of them bound may be null. Ways that have responded do not count. */
export function join(a: FlowState, b: FlowState): FlowState {
  if (!a.live) return b;
  if (!b.live) return a;
  const names = new Map<string, Worth>();
  for (const name of new Set([...a.names.keys(), ...b.names.keys()])) {
    names.set(name, a.names.get(name) === 'bound' && b.names.get(name) === 'bound' ? 'bound' : 'maybe');
  }
  return { names, live: true, body: joinBody(a.body, b.body) };
}

function joinBody(a: BodyRead | null, b: BodyRead | null): BodyRead | null {
  if (a === null || b === null) {
    const one = a ?? b;
    return one === null ? null : { ...one, certain: false };
  }
  return { spot: a.spot, certain: a.certain && b.certain };
}

/** The state with some names bound to a worth. */
export function bind(state: FlowState, entries: Iterable<readonly [string, Worth]>): FlowState {
  const names = new Map(state.names);
  for (const [name, worth] of entries) names.set(name, worth);
  return { ...state, names };
}

/** The state where names that are bound are known not to be null. */
export function prove(state: FlowState, names: readonly string[]): FlowState {
  const proven = names.filter((name) => state.names.get(name) === 'maybe');
  return proven.length === 0
    ? state
    : bind(
        state,
        proven.map((name): [string, Worth] => [name, 'bound']),
      );
}
