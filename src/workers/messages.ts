/** What the parent tells a worker. A socket travels with `connection`. */
export type ToWorker =
  | { readonly kind: 'start'; readonly start: WorkerStart }
  /** Connections are going to come; clients know the server by this address. */
  | { readonly kind: 'serve'; readonly url: string; readonly port: number }
  | { readonly kind: 'connection'; readonly id: number }
  /** What another worker told all its peers. */
  | { readonly kind: 'heard'; readonly subject: string; readonly message: unknown }
  /** Asks for the worker's own figures. */
  | { readonly kind: 'report'; readonly id: number }
  /** Answers `all`: what all workers reported, this one, too. */
  | { readonly kind: 'reported'; readonly id: number; readonly reports: readonly Report[] }
  /** Another worker was lost: what it left behind can be swept. */
  | { readonly kind: 'sweep' }
  /** Is to be answered with the same. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'stop' };

/** What a worker tells the parent. */
export type ToParent =
  /** The stores are open; `shared` is what workers that start later are to be given. */
  | { readonly kind: 'opened'; readonly shared: unknown }
  | { readonly kind: 'serving' }
  | { readonly kind: 'taken'; readonly id: number }
  | { readonly kind: 'alive' }
  /** A connection that was taken has ended. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'tell'; readonly subject: string; readonly message: unknown }
  | { readonly kind: 'report'; readonly id: number; readonly report: Report }
  /** Asks what all workers report. */
  | { readonly kind: 'all'; readonly id: number };

/** What a worker is told first. */
export interface WorkerStart {
  /** From 1. Number 1 has the duties that one process is enough for. */
  readonly number: number;
  /** How many there are. */
  readonly size: number;
  /** Those of the command. */
  readonly args: readonly string[];
  /** Absolute: what the first worker read is found by its paths, whatever the folder of the start is called by then. */
  readonly registry: string;
  /** Absolute. */
  readonly data: string;
  /** What the first worker gave as `opened`; null for that one. */
  readonly shared: unknown;
}

/** The figures of a worker, as prom-client has them in JSON. */
export type Report = readonly object[];
