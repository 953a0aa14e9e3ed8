import { join } from 'node:path';
import type { Registry } from '../main.ts';
import { httpClient, localClient } from '../sdk/client.ts';
import { type Planted, plant } from '../seed/plant.ts';
import { readSeeds } from '../seed/read-seeds.ts';
import { readArguments, readBaseUrl } from './arguments.ts';
import type { Command, CommandContext } from './command.ts';
import { defaultRegistry } from './package.ts';
import { hasErrors, printFindings } from './print-findings.ts';
import { createProgress } from './progress.ts';

const HELP = `Usage: entrepot seed [FILE|DIR] [options]

Loads seeds: packages and whatever else a registry is to start with, published
through its ordinary routes. What is there already stays as it is, so seeding
twice does no harm. Default: the folder seed_data of the registry.

Options:
  --registry DIR|FILE  the definition, when seeding in this process
  --data DIR           its data folder (ENTREPOT_DATA; ./data)
  --store STORE        where records are kept, as for serve (ENTREPOT_STORE)
  --url URL            seeds a running server instead
  --token TOKEN        for --url: a token that may write (ENTREPOT_TOKEN)
  --json               tells a program how it went
  -h, --help           show this text

A seed is JSON: {"steps": [{"label", "request": {"method", "path", "headers",
"body"}, "accept": [409], "items": [...]}]}. A step's request is made once for
each of its items; its texts may name the item's members: "/v1/{name}". A body
is {"text", "times"?}, {"base64"}, {"json"} or {"file"} beside the seed.`;

export const seed: Command = {
  name: 'seed',
  summary: 'load seed data through the routes',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(
      args,
      {
        registry: { type: 'string' },
        data: { type: 'string' },
        store: { type: 'string' },
        url: { type: 'string' },
        token: { type: 'string' },
        json: { type: 'boolean' },
      },
      1,
    );
    const registry = values.registry ?? defaultRegistry();
    const requests = await readSeeds(positionals[0] ?? join(registry, 'seed_data'));
    const progress = createProgress(process.stderr);
    const planted =
      values.url === undefined
        ? await plantHere(registry, values, context, (client) => plant(client, requests, progress.update))
        : await plant(
            httpClient(readBaseUrl(values.url), bearer(values.token ?? context.env.ENTREPOT_TOKEN)),
            requests,
            progress.update,
          );
    progress.end();
    if (planted === null) return 1;
    report(planted, values.json ?? false, context);
    return planted.failed.length === 0 ? 0 : 1;
  },
};

/** Opens the registry in this process, as a user who may do everything for as long as it takes. Null: it has errors, which were shown. */
async function plantHere(
  path: string,
  { data, store }: Readonly<Partial<Record<'data' | 'store', string | undefined>>>,
  { env, complain, colours }: CommandContext,
  work: (client: ReturnType<typeof localClient>) => Promise<Planted>,
): Promise<Planted | null> {
  const { openRegistry } = await import('../main.ts');
  const opened = await openRegistry({
    registry: path,
    data: data ?? (env.ENTREPOT_DATA || 'data'),
    store: store ?? (env.ENTREPOT_STORE || null),
    adminPassword: env.ENTREPOT_ADMIN_PASSWORD || null,
    env,
    inline: true,
  });
  if (!opened.ok || hasErrors(opened.findings)) {
    printFindings(opened.findings, colours, complain);
    return null;
  }
  const { registry } = opened;
  try {
    sayPassword(registry, complain);
    const token = await registry.identity.createToken({
      user: 'admin',
      name: 'seed',
      scopes: null,
      expiresAt: new Date(Date.now() + TOKEN_MS).toISOString(),
    });
    try {
      return await work(localClient(registry, bearer(token.token)));
    } finally {
      await registry.identity.revokeToken(token.id);
    }
  } finally {
    await registry.close();
  }
}

const TOKEN_MS = 3_600_000;

/** Seeding may be the first start on a data folder, and this the only time that the password is known. */
function sayPassword(registry: Registry, complain: (line: string) => void): void {
  if (registry.generatedAdminPassword === null) return;
  complain(`The user admin was made, with the password ${registry.generatedAdminPassword}`);
  complain('It is shown this once.');
}

function bearer(token: string | undefined): string | null {
  return token === undefined || token === '' ? null : `Bearer ${token}`;
}

function report({ made, kept, failed }: Planted, json: boolean, { print, complain }: CommandContext): void {
  if (json) {
    print(
      JSON.stringify({
        made,
        kept,
        failed: failed.map(({ request, status, answer }) => ({
          file: request.file,
          label: request.label,
          status,
          answer,
        })),
      }),
    );
    return;
  }
  for (const { request, status, answer } of failed) complain(`${request.file}: ${request.label}: ${status} ${answer}`);
  print(`${made} made, ${kept} there already, ${failed.length} failed`);
}
