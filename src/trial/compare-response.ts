import { createHash } from 'node:crypto';
import type { JsonObject } from '../definition/types.ts';
import { bytesOf, object } from './contents.ts';
import { compareValues, type Difference } from './differences.ts';
import type { TrialResponse } from './trial.ts';

/**
 * Where a response is not as written: `status`, `headers` (a header that must not be there is null; several values are a list), and of
 * the body `json` (equal), `includes` (JSON, further members allowed), `text`, `base64`, `bytes` (content) or `digest` (sha256).
 */
export function compareResponse(response: TrialResponse, expected: JsonObject): readonly Difference[] {
  const { status, headers, json, includes, text, base64, bytes, digest } = expected;
  const found: Difference[] = [];
  const body = response.body.toString();
  if (status !== undefined) found.push(...compareValues(response.status, status, 'status'));
  for (const [name, value] of Object.entries(object(headers))) {
    const values = response.headers.filter(([own]) => own.toLowerCase() === name.toLowerCase()).map(([, own]) => own);
    const actual = Array.isArray(value) ? values : (values[0] ?? null);
    found.push(...compareValues(actual, value, `headers/${name}`));
    if (!Array.isArray(value) && values.length > 1)
      found.push({ where: `headers/${name}`, expected: value, actual: values });
  }
  if (json !== undefined) found.push(...compareValues(parsed(body), json, 'json'));
  if (includes !== undefined) found.push(...compareValues(parsed(body), includes, 'json', 'includes'));
  if (text !== undefined) found.push(...compareValues(body, text, 'text'));
  const content = bytes ?? (base64 === undefined ? undefined : { base64 });
  if (content !== undefined && !response.body.equals(bytesOf(content))) {
    found.push({ where: 'bytes', expected: shown(bytesOf(content)), actual: shown(response.body) });
  }
  if (digest !== undefined) found.push(...compareValues(sha256(response.body), digest, 'digest'));
  return found;
}

/** The value of a JSON text; where it is none, the text in a form that equals no JSON value expected. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return `not JSON: ${text}`;
  }
}

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Bytes as a person can compare them: text where it is short, else length and digest. */
function shown(bytes: Buffer): string {
  return bytes.length <= 200 ? bytes.toString() : `${bytes.length} bytes, ${sha256(bytes)}`;
}
