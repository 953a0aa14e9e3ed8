import type { EngineRequest, EngineResponse } from '../engine/exchange.ts';
import type { MaybePromise } from '../shared/maybe-promise.ts';
import type { CorsSettings } from './cors.ts';
import type { ServedIdentity } from './system-context.ts';

/** What the server needs of a registry. */
export interface ServedRegistry {
  /** `raw` is shown as it is under `/schema`; it names secrets and holds none. */
  readonly definition: { readonly raw: unknown; readonly http: { readonly cors: CorsSettings | null } };
  readonly identity: ServedIdentity;
  handle(request: EngineRequest): MaybePromise<EngineResponse>;
  /** Each store's state by its name. */
  health(): Promise<RegistryHealth>;
}

export interface RegistryHealth {
  readonly ok: boolean;
  readonly parts: Readonly<
    Record<string, { readonly ok: boolean; readonly latencyMs: number; readonly reason?: string }>
  >;
}
