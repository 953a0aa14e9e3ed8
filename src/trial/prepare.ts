import type { Definition } from '../definition/types.ts';
import type { Vocabulary } from '../definition/vocabulary.ts';
import { compile, type Plan } from '../engine/compile.ts';
import { HANDLERS } from '../operations/index.ts';
import type { Upstream } from '../ports/upstream.ts';

/**
 * A compiled definition for several trials, one after another: compiling takes much longer than a trial. Each trial connects upstreams of
 * its own.
 */
export interface Prepared {
  readonly plan: Plan;
  connect(upstreams: ReadonlyMap<string, Upstream>): void;
}

/** Compiles a definition. Fails where it does not compile. */
export function prepare(definition: Definition, vocabulary: Vocabulary): Prepared {
  let connected: ReadonlyMap<string, Upstream> = new Map();
  const upstreams = new Map(
    Object.keys(definition.upstreams).map((name): [string, Upstream] => [
      name,
      {
        name,
        fetch(request) {
          const upstream = connected.get(name);
          if (upstream === undefined) throw new Error(`No trial has connected the upstream ${name}`);
          return upstream.fetch(request);
        },
        close: () => Promise.resolve(),
      },
    ]),
  );
  const plan = compile({ definition, vocabulary, handlers: HANDLERS, upstreams });
  return {
    plan,
    connect(own) {
      connected = own;
    },
  };
}
