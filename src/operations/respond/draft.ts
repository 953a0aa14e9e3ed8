import type { ResponseBody, ResponseDraft, StepCompiler } from '../../engine/contract.ts';
import type { Frame } from '../../language/frame.ts';
import { invalidArgument } from '../arguments.ts';
import { compileHeaders, type HeaderPairs } from '../headers.ts';

/** What a response has besides its body, compiled from `status`, `headers` and `etag`. */
export type DraftBuilder = (
  frame: Frame,
  body: ResponseBody,
  mediaType: string | null,
  etag: string | null,
) => ResponseDraft;

/**
 * `etag` as an argument stands above the one that the body brings; a Content-Type among the headers above the body's media type.
 * Fails with VALUE_INVALID on a status that `allows` refuses.
 */
export function compileDraft(step: StepCompiler, allows: (status: number) => boolean = isStatus): DraftBuilder {
  const status = step.integer('status');
  const fallback = Number(step.literal('status') ?? 200);
  const headers = compileHeaders(step);
  const etag = compileEtag(step);
  return (frame, body, mediaType, ownEtag) => {
    const code = status(frame) ?? fallback;
    if (!allows(code)) throw invalidArgument('status', 'a status of a response');
    return { status: code, headers: withMediaType(headers(frame), mediaType), body, etag: etag(frame) ?? ownEtag };
  };
}

function isStatus(status: number): boolean {
  return status >= 200 && status <= 599;
}

function withMediaType(pairs: HeaderPairs, mediaType: string | null): HeaderPairs {
  if (mediaType === null) return pairs;
  if (pairs.length === 0) return [['Content-Type', mediaType]];
  if (pairs.some(([name]) => name.toLowerCase() === 'content-type')) return pairs;
  return [['Content-Type', mediaType], ...pairs];
}

/** RFC 9110, section 8.8.3: visible characters but quotes. */
function compileEtag(step: StepCompiler): (frame: Frame) => string | null {
  if (!step.has('etag')) return () => null;
  const text = step.text('etag');
  return (frame) => {
    const written = text(frame);
    if (written === null) return null;
    const tag = /^"(.*)"$/.exec(written)?.[1] ?? written;
    if (!/^[\x21\x23-\x7e]+$/.test(tag)) throw invalidArgument('etag', 'an entity tag');
    return tag;
  };
}
