import type { StepCompiler } from '../../engine/contract.ts';
import type { Frame } from '../../language/frame.ts';
import type { UpstreamRequest } from '../../ports/upstream.ts';
import { requiredText } from '../arguments.ts';
import type { HeaderPairs } from '../headers.ts';

/** What is asked for: the argument `path`, whose values are percent-encoded, or `url` as it is. */
export function compileTarget(step: StepCompiler): (frame: Frame) => Pick<UpstreamRequest, 'path' | 'url'> {
  if (step.has('url')) {
    const url = requiredText(step, 'url');
    return (frame) => ({ path: '', url: url(frame) });
  }
  const path = requiredText(step, 'path', 'path');
  return (frame) => ({ path: path(frame) });
}

/** Headers as an upstream's port takes them: one value for each name. */
export function joined(pairs: HeaderPairs): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  return headers;
}
