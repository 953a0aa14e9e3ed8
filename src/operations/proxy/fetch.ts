import type { OperationHandler } from '../../engine/contract.ts';
import { compileHeaders } from '../headers.ts';
import { fetchedBody } from './fetched-body.ts';
import { compileTarget, joined } from './request.ts';

/** See `operations/proxy/fetch.json`. */
export const proxyFetch: OperationHandler = {
  op: 'proxy.fetch',
  compile(step) {
    const upstream = step.upstream('upstream');
    const method = String(step.literal('method'));
    const target = compileTarget(step);
    const headers = compileHeaders(step);
    const bind = step.bind('out');
    return async (run) => {
      const { session } = run;
      session.countIo();
      const response = await upstream.fetch({
        method,
        ...target(run),
        headers: joined(headers(run)),
        compressed: true,
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
