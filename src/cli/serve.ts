import { flushCompileCache } from 'node:module';
import type { Definition } from '../definition/types.ts';
import type { Metrics } from '../http/metrics.ts';
import type { RunningServer } from '../http/server.ts';
import { readArguments, readBaseUrl, readLogLevel, readNetworks, readPort, readWholeNumber } from './arguments.ts';
import type { Command, CommandContext } from './command.ts';
import { defaultRegistry, packageVersion } from './package.ts';
import { hasErrors, printFindings } from './print-findings.ts';
import { createProgress } from './progress.ts';
import { createRedactor } from './redact.ts';
import { reload } from './reload.ts';
import { watchFolder } from './watch-folder.ts';

const HELP = `Usage: entrepot serve [options]

Serves a registry over HTTP until it is told to stop (SIGINT or SIGTERM; twice to
stop at once).

Options:
  --registry DIR|FILE  the definition: a folder with a schema.json, or one file.
                       Default: the current folder where it has a schema.json,
                       else the registry that comes with Entrepot
  --data DIR           where records and blobs are kept (ENTREPOT_DATA; ./data)
  --store STORE        where records are kept, in place of what the definition says:
                       memory, sqlite, sqlite:FILE, pglite, pglite:FOLDER or
                       postgres://user:password@host/database, with ?schema=NAME
                       for a schema of its own (ENTREPOT_STORE)
  --wait SECONDS       how long to wait for a database that is not there yet (0)
  --port PORT          0 takes a free one (PORT; 8080)
  --host HOST          address to listen on; 0.0.0.0 for all (HOST; 127.0.0.1)
  --base-url URL       how clients reach this server, for links in documents.
                       Default: what each request says it asked for
  --trust-proxy LIST   addresses or networks of proxies in front of this server,
                       as in 127.0.0.1,10.0.0.0/8: the client is then who their
                       X-Forwarded-For says (ENTREPOT_TRUST_PROXY)
  --watch              take in the definition anew whenever one of its files changes.
                       One with errors is told of and left alone: the one before
                       goes on
  --log-level LEVEL    what is logged: trace, debug, info (a line for each request),
                       warn (slow requests, trouble), error, fatal or silent
                       (ENTREPOT_LOG_LEVEL; warn)
  --slow-ms MS         a request that takes longer is slow (1000)
  -h, --help           show this text

Environment:
  ENTREPOT_ADMIN_PASSWORD  password of the user admin, whom the first start on a
                           data folder makes; without it one is made up and
                           printed once
  ENTREPOT_POSTGRES_URL    where the server of a postgres store is, with the password,
                           unless the definition names another variable
  ENTREPOT_METRICS_TOKEN   bearer token that reads /metrics and nothing else;
                           without it only administrators do

Log lines are JSON on the standard error output.`;

export const serve: Command = {
  name: 'serve',
  summary: 'serve a registry over HTTP',
  help: HELP,
  async run(args, context) {
    const { env, print, complain, colours } = context;
    const { values } = readArguments(args, {
      registry: { type: 'string' },
      data: { type: 'string' },
      store: { type: 'string' },
      wait: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      'base-url': { type: 'string' },
      'trust-proxy': { type: 'string' },
      'log-level': { type: 'string' },
      'slow-ms': { type: 'string' },
      watch: { type: 'boolean' },
    });
    const port = readPort(values.port ?? (env.PORT || '8080'));
    const host = values.host ?? (env.HOST || '127.0.0.1');
    const baseUrl = values['base-url'] === undefined ? null : readBaseUrl(values['base-url']);
    const trustedProxies = readNetworks(values['trust-proxy'] ?? env.ENTREPOT_TRUST_PROXY ?? '');
    const level = readLogLevel(values['log-level'] ?? (env.ENTREPOT_LOG_LEVEL || 'warn'));
    const slowMs = readWholeNumber(values['slow-ms'] ?? '1000', '--slow-ms');
    const metricsToken = env.ENTREPOT_METRICS_TOKEN || null;
    const [
      { pino },
      { openRegistry, vocabulary },
      { startServer },
      { createMetrics },
      { createRequestLog },
      { insideOf },
    ] = await Promise.all([
      import('pino'),
      import('../main.ts'),
      import('../http/server.ts'),
      import('../http/metrics.ts'),
      import('../http/request-log.ts'),
      import('../inside.ts'),
    ]);
    const redactor = createRedactor(env);
    const log = pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: redactor.line } },
      pino.destination({ fd: 2, sync: true }),
    );
    if (metricsToken !== null) redactor.hide(metricsToken);
    const metrics = createMetrics();
    const writeLine = createRequestLog(log, slowMs);
    const onServed: Metrics['onServed'] = (served) => {
      metrics.onServed(served);
      writeLine(served);
    };

    const path = values.registry ?? defaultRegistry();
    const indexing = indexProgress(context);
    const opened = await openRegistry({
      registry: path,
      data: values.data ?? (env.ENTREPOT_DATA || 'data'),
      store: values.store ?? (env.ENTREPOT_STORE || null),
      waitMs: readWholeNumber(values.wait ?? '0', '--wait') * 1000,
      onWaiting: complain,
      onIndexing: indexing.tell,
      adminPassword: env.ENTREPOT_ADMIN_PASSWORD || null,
      env,
      log,
      watch: metrics.watch,
      onServed,
    });
    indexing.end();
    if (opened.findings.length > 0) printFindings(opened.findings, colours, complain);
    if (!opened.ok || hasErrors(opened.findings)) {
      complain('This definition has errors and is not served.');
      return 1;
    }
    const { registry } = opened;
    const hideSecrets = () => {
      for (const name of secretNames(registry.definition)) redactor.hide(env[name] ?? '');
    };
    hideSecrets();
    if (registry.generatedAdminPassword !== null) {
      redactor.hide(registry.generatedAdminPassword);
      print(`Made the user admin with the password ${registry.generatedAdminPassword} (shown only this once)`);
    }
    let server: RunningServer;
    try {
      const version = packageVersion();
      const program = { version, node: process.versions.node, base_url: baseUrl, log_level: level, slow_ms: slowMs };
      const inside = insideOf({ registry, vocabulary: await vocabulary(), metrics, metricsToken, env, program });
      server = await startServer({ registry, host, port, baseUrl, trustedProxies, version, log, inside, onServed });
    } catch (thrown) {
      await registry.close();
      complain(listenFailure(thrown, host, port));
      return 1;
    }
    const stopped = stopSignal(context);
    print(`Listening on ${server.url}`);
    // Kept for the next start, too, when this process is killed one day.
    setTimeout(() => flushCompileCache(), KEEP_COMPILED_AFTER_MS).unref();
    const takeIn = () => reload(path, registry, context).then(hideSecrets);
    if (values.watch) await watchFolder(path, takeIn, stopped);
    await stopped;
    await server.close();
    await registry.close();
    return 0;
  },
};

/** Requests come first. */
const KEEP_COMPILED_AFTER_MS = 5000;
const SAY_EVERY_MS = 10_000;

/** Says how far indexes are built: a bar on a terminal, elsewhere a line now and then, so that a start of minutes is not taken for a hang. */
function indexProgress({ complain }: CommandContext) {
  const bar = createProgress(process.stderr);
  let saidAt = performance.now();
  return {
    tell({ collection, done, total }: { collection: string; done: number; total: number }): void {
      bar.update(done, total, `indexing ${collection}`);
      if (process.stderr.isTTY || performance.now() - saidAt < SAY_EVERY_MS) return;
      saidAt = performance.now();
      complain(`Building the indexes of ${collection}: ${done} of ${total} records`);
    },
    end: bar.end,
  };
}

/** Environment variables that hold what upstreams are told. */
function secretNames({ upstreams }: Definition): readonly string[] {
  const names = Object.values(upstreams).flatMap(({ auth }) => [auth.tokenEnv, auth.passwordEnv]);
  return names.filter((name) => name !== null);
}

/** Resolves on the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal({ print }: CommandContext): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (signal: NodeJS.Signals) => {
      if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
      asked = true;
      print('Stopping: requests under way are finished first');
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

function listenFailure(thrown: unknown, host: string, port: number): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is in use by another program. Choose another with --port, or 0 for any that is free.`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Choose one above 1023 with --port.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is not an address of this machine. Choose another with --host.`;
    default:
      throw thrown;
  }
}
