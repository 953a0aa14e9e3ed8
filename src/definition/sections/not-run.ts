import type { LoadContext } from '../model.ts';
import type { Spot } from '../places.ts';

/** Reports that a part of the definition is read and kept but not acted on. */
export function notRun(context: LoadContext, spot: Spot, what: string): void {
  context.reporter.report('NOT_RUN', spot, `${what}: this version reads it but does not act on it`, { at: 'key' });
}
