import type { StepCompiler } from '../../engine/contract.ts';
import type { Frame } from '../../language/frame.ts';
import { requiredText } from '../arguments.ts';

/** The key of an entry among all kinds. A kind holds no colon, so that no two kinds share a key. */
export function compileCacheKey(step: StepCompiler): (frame: Frame) => string {
  const kind = String(step.literal('kind'));
  const key = requiredText(step, 'key');
  return (frame) => `${kind}:${key(frame)}`;
}
