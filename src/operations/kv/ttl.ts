import type { StepCompiler } from '../../engine/contract.ts';
import type { Frame } from '../../language/frame.ts';
import { invalidArgument } from '../arguments.ts';

/** The argument `ttl_seconds`: null where the document's own holds, 0 for never. */
export function compileTtl(step: StepCompiler): (frame: Frame) => { readonly ttlSeconds: number | null } {
  if (!step.has('ttl_seconds')) return () => DOCUMENTS_OWN;
  const seconds = step.integer('ttl_seconds');
  return (frame) => {
    const ttlSeconds = seconds(frame);
    if (ttlSeconds !== null && ttlSeconds < 0) throw invalidArgument('ttl_seconds', 'zero or more');
    return { ttlSeconds };
  };
}

const DOCUMENTS_OWN = Object.freeze({ ttlSeconds: null });
