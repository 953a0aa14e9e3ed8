import { describe, expect, test } from 'vitest';
import type { ExplainedStep } from '../../src/inspect/explain-route.ts';
import { renderRoute } from '../../src/inspect/render-route.ts';
import { routeRows } from '../../src/inspect/routes.ts';
import { explainRouteOf } from '../../src/inspect-registry.ts';
import { inspected } from './inspected.ts';

const PLAIN = { strong: (text: string) => text, faint: (text: string) => text };

async function explained(id: string, json?: object) {
  const { definition, vocabulary } = await inspected(json);
  const route = await explainRouteOf(definition, vocabulary, id);
  if (route === null) throw new Error(`There is no route ${id}`);
  return route;
}

function all(steps: readonly ExplainedStep[]): ExplainedStep[] {
  return steps.flatMap((step) => [step, ...step.inner.flatMap((inner) => all(inner.steps))]);
}

describe('explain', () => {
  test('marks a transaction, also in the pipelines that it calls', async () => {
    const route = await explained('publish_artifact');
    const marks = route.steps.map(({ op, transaction }) => `${op} ${transaction}`);
    const begin = marks.indexOf('txn.begin begin');
    const end = marks.indexOf('txn.commit end');
    expect(begin).toBeGreaterThan(0);
    expect(marks.slice(begin + 1, end).every((mark) => mark.endsWith(' inside'))).toBe(true);
    expect([...marks.slice(0, begin), ...marks.slice(end + 1)].every((mark) => mark.endsWith(' null'))).toBe(true);
    const call = route.steps[begin + 1];
    expect(call?.inner[0]?.title).toBe('pipeline packages.add_artifact');
    expect(call?.inner[0]?.steps.every((step) => step.transaction === 'inside')).toBe(true);
    expect(call?.inner[0]?.steps[0]?.place).toBe('packages.add_artifact.1');
  });

  test('tells what each step reads, binds and touches, and the statements of its store', async () => {
    const route = await explained('list_versions');
    const query = route.steps.find((step) => step.op === 'index.query');
    expect(query).toMatchObject({
      reads: ['namespace', 'name', 'query.limit', 'query.cursor'],
      binds: ['rows', 'next'],
      touches: [{ kind: 'index', name: 'packages.versions' }],
    });
    expect(query?.statements.map(({ when, store }) => `${when} ${store}`)).toEqual(['now meta']);
    expect(query?.statements[0]?.text).toMatch(/^SELECT .* FROM "i_[0-9a-f]+" AS s .* ORDER BY .* DESC/);
    const put = all((await explained('publish_artifact')).steps).find((step) => step.op === 'kv.cas_put');
    expect(put?.statements.map(({ when }) => when)).toEqual(expect.arrayContaining(['now', 'commit']));
    expect(put?.statements.find(({ when }) => when === 'commit')?.text).toMatch(/^INSERT INTO records /);
  });

  test('explains every route of the default registry', async () => {
    const { definition, vocabulary } = await inspected();
    for (const { id, pipeline } of definition.routes) {
      const route = await explainRouteOf(definition, vocabulary, id);
      if (route === null) throw new Error(id);
      const places = all(route.steps).map(({ place }) => place);
      expect(places.length).toBeGreaterThanOrEqual(pipeline.length);
      const text = renderRoute(route, PLAIN);
      for (const step of route.steps) expect(text).toContain(step.op);
    }
  });

  test('shows loops, branches and catches where they stand, and no value of the environment', async () => {
    process.env.INSPECT_SECRET = 'hunter2hunter2';
    const route = await explained('loop', {
      env: ['INSPECT_SECRET'],
      upstreams: {
        there: {
          base_url: 'https://{env.INSPECT_SECRET}.example.org',
          auth: { mode: 'bearer_token', token_env: 'INSPECT_SECRET' },
          timeouts_ms: { connect: 1000, read: 1000 },
          retry: { max_attempts: 1, backoff_ms: 1 },
        },
      },
      storage: { kv_stores: { meta: { kind: 'sqlite' } } },
      api: {
        routes: [
          {
            id: 'loop',
            method: 'GET',
            path: '/loop',
            pipeline: [
              { op: 'set', args: { list: ['a', 'b'] } },
              {
                op: 'flow.each',
                label: 'each of them',
                args: {
                  in: '$list',
                  as: 'item',
                  do: [
                    {
                      op: 'proxy.fetch',
                      args: { upstream: 'there', path: '/{item}', out: 'answer' },
                      catch: { '*': [{ op: 'set', args: { failed: '$error.code' } }] },
                      when: { not_equals: ['$item', 'b'] },
                    },
                  ],
                  collect: { from: '$item', out: 'items' },
                },
              },
              { op: 'respond.json', args: { body: { items: '$items', secret: 'of {env.INSPECT_SECRET}' } } },
            ],
          },
        ],
      },
    });
    const [, each] = route.steps;
    expect(each).toMatchObject({ label: 'each of them', binds: ['item', 'items'], reads: ['list', 'item'] });
    const [fetch] = each?.inner[0]?.steps ?? [];
    expect(fetch).toMatchObject({ place: '2.do.1', binds: ['answer'], reads: ['item'] });
    expect(fetch?.inner).toMatchObject([
      { title: 'catch *', steps: [{ place: '2.do.1.catch.*.1', binds: ['failed'] }] },
    ]);
    expect(JSON.stringify(route)).toContain('{env.INSPECT_SECRET}');
    expect(JSON.stringify(route) + renderRoute(route, PLAIN)).not.toContain('hunter2');
  });
});

test('rows of routes have the scopes of policies and of steps', async () => {
  const { definition, vocabulary } = await inspected();
  const rows = routeRows(definition, vocabulary);
  expect(rows.map(({ id }) => id).sort()).toEqual(definition.routes.map(({ id }) => id).sort());
  expect(rows.find(({ id }) => id === 'publish_artifact')).toMatchObject({
    methods: ['PUT'],
    pack: 'packages',
    scopes: ['write'],
  });
  expect(rows.find(({ id }) => id === 'list_packages')).toMatchObject({ tags: ['public'], scopes: ['read'] });
});
