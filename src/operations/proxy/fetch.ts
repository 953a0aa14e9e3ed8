import type { OperationHandler } from '../../engine/contract.ts';
import { requiredText } from '../arguments.ts';
import { compileHeaders } from '../headers.ts';
import { fetchedBody } from './fetched-body.ts';

/** See `operations/proxy/fetch.json`. */
export const proxyFetch: OperationHandler = {
  op: 'proxy.fetch',
  compile(step) {
    const upstream = step.upstream('upstream');
    const method = String(step.literal('method'));
    const path = requiredText(step, 'path', 'path');
    const headers = compileHeaders(step);
    const bind = step.bind('out');
    return async (run) => {
      const { session } = run;
      session.countIo();
      const response = await upstream.fetch({
        method,
        path: path(run),
        headers: joined(headers(run)),
        body: null,
        signal: session.signal,
      });
      // A body that nobody reads would hold its connection.
      session.atEnd(() => {
        if (!response.body.destroyed) response.body.destroy();
      });
      const { status, size } = response;
      const body = await fetchedBody(response, method === 'HEAD');
      bind(run, { status, headers: response.headers, body, size });
      return undefined;
    };
  },
};

function joined(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of pairs) headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  return headers;
}
