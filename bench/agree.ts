import { request } from 'node:http';
import type { Load } from './load.ts';
import type { Subject } from './subjects.ts';

interface Answer {
  readonly status: number;
  /** Names of the headers, in lower case and sorted. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/**
 * Asks both servers the same and throws where their answers differ: two servers that do not do the same cannot be compared. Documents may
 * differ in the order of their members and in when they were made. Of a server of files only the status and the bytes are compared: it is
 * the floor, and does not do the same.
 */
export async function requireAgreement(first: Subject, second: Subject, load: Load): Promise<void> {
  const hasHeaders = second.entityTag === undefined;
  const [one, other] = await Promise.all([answerTo(first, load), answerTo(second, load)]);
  const differences: string[] = [];
  if (one.status !== load.status || other.status !== load.status)
    differences.push(`status ${one.status} and ${other.status}`);
  if (hasHeaders && one.headers.join() !== other.headers.join())
    differences.push(`headers ${one.headers} and ${other.headers}`);
  if (comparable(one.body) !== comparable(other.body))
    differences.push(`bodies\n${comparable(one.body)}\n${comparable(other.body)}`);
  if (differences.length > 0) {
    throw new Error(`${first.name} and ${second.name} do not answer alike: ${differences.join('; ')}`);
  }
}

function answerTo(subject: Subject, load: Load): Promise<Answer> {
  let [asked] = load.requests(subject);
  if (typeof asked?.setupRequest === 'function') asked = asked.setupRequest(asked, {});
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(
    `${subject.url}${asked?.path}`,
    { method: load.method, headers: { ...asked?.headers } },
    (response) => {
      response.toArray().then((chunks: Buffer[]) => {
        const headers = Object.keys(response.headers).sort();
        resolve({ status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) });
      }, reject);
    },
  );
  sent.on('error', reject);
  sent.end(asked?.body);
  return promise;
}

function comparable(body: Buffer): string {
  const text = body.toString('latin1');
  if (!text.startsWith('{')) return text;
  const { created_at: _, ...document } = JSON.parse(text) as Record<string, unknown>;
  return JSON.stringify(document, Object.keys(document).sort());
}
