import type { RegistryClient } from '../sdk/client.ts';
import type { SeedRequest } from './read-seeds.ts';

export interface Planted {
  /** Done now. */
  readonly made: number;
  /** Done before. */
  readonly kept: number;
  readonly failed: readonly SeedFailure[];
}

export interface SeedFailure {
  readonly request: SeedRequest;
  readonly status: number;
  /** What the registry said, shortened. */
  readonly answer: string;
}

/**
 * Makes the requests one after the other, as a later one may need what an earlier one made. A request that fails does not keep the rest from
 * being made. `onProgress` is told before each one, and at the end.
 */
export async function plant(
  client: RegistryClient,
  requests: readonly SeedRequest[],
  onProgress: (done: number, total: number, label: string) => void,
): Promise<Planted> {
  let made = 0;
  let kept = 0;
  const failed: SeedFailure[] = [];
  for (const [index, request] of requests.entries()) {
    onProgress(index, requests.length, request.label);
    const { status, bytes } = await client.send({
      method: request.method,
      target: request.target,
      headers: request.headers,
      body: await request.body(),
    });
    if (status >= 200 && status < 300) made++;
    else if (request.accept.includes(status)) kept++;
    else failed.push({ request, status, answer: Buffer.from(bytes).toString().slice(0, 500) });
  }
  onProgress(requests.length, requests.length, '');
  return { made, kept, failed };
}
