import { spotOf } from '../places.ts';
import { keepingOf } from './keeping.ts';
import type { Rule } from './rule.ts';

/** A route that asks for its answers to be kept has answers that can be kept. */
export const responseCacheRule: Rule = {
  codes: ['RESPONSE_NOT_KEPT'],
  run(context) {
    for (const route of context.model.routes) {
      if (route.definition.cache !== true) continue;
      const keeping = keepingOf(context, route);
      if (typeof keeping !== 'string') continue;
      const message = `Answers of the route "${route.definition.id}" are not kept: ${keeping}`;
      const fix = 'Leave "cache" out, or mend what stands in its way';
      context.reporter.report('RESPONSE_NOT_KEPT', spotOf(route.json, 'cache'), message, { fix, at: 'key' });
    }
  },
};
