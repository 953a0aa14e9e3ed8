import { fail, RegistryError } from '../../errors/registry-error.ts';

/** Who works on which upload in this process: one at a time. */
export interface UploadClaims {
  /**
   * Runs `task` alone; UPLOAD_OUT_OF_ORDER when somebody else works on it. `task` asks the claim whether to go on; what fails after
   * the upload was cancelled fails with UPLOAD_NOT_FOUND.
   */
  hold<T>(id: string, task: (claim: UploadClaim) => Promise<T>): Promise<T>;
  has(id: string): boolean;
  /** Tells whoever works on it to stop. */
  cancel(id: string): void;
}

export interface UploadClaim {
  /** Fails with UPLOAD_NOT_FOUND once the upload was cancelled. */
  check(): void;
}

export function createUploadClaims(): UploadClaims {
  const held = new Map<string, { cancelled: boolean }>();
  return {
    async hold(id, task) {
      if (held.has(id)) fail('UPLOAD_OUT_OF_ORDER', 'Another request is writing to this upload');
      const state = { cancelled: false };
      held.set(id, state);
      try {
        return await task({
          check() {
            if (state.cancelled) fail('UPLOAD_NOT_FOUND');
          },
        });
      } catch (error) {
        // Whatever it ran into, such as a file that is gone: this is why.
        if (state.cancelled) throw new RegistryError('UPLOAD_NOT_FOUND', { cause: error });
        throw error;
      } finally {
        held.delete(id);
      }
    },
    has: (id) => held.has(id),
    cancel(id) {
      const state = held.get(id);
      if (state !== undefined) state.cancelled = true;
    },
  };
}
