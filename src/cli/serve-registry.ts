import type { Definition } from '../definition/types.ts';
import type { HandedConnections } from '../http/listening.ts';
import type { Metrics } from '../http/metrics.ts';
import type { RunningServer } from '../http/server.ts';
import type { Registry } from '../main.ts';
import type { ParentLink } from '../workers/link.ts';
import type { CommandContext } from './command.ts';
import { openLog } from './open-log.ts';
import { packageVersion } from './package.ts';
import { hasErrors, printFindings } from './print-findings.ts';
import { createProgress } from './progress.ts';
import type { ServeOptions } from './serve-options.ts';

/** A registry that is open and can be served. */
export interface OpenedRegistry {
  readonly registry: Registry;
  /** All files of its definition, for a worker that is to open the same. */
  readonly files: object;
  /** Listens, or takes connections that are handed over. Rejects with the system's error. */
  serve(handed: HandedConnections | null): Promise<RunningServer>;
  /** What the definition names as secrets is in no line of the log from here on. */
  hideSecrets(): void;
}

/** The modules that serving takes, which come only when something is served. */
export function loadForServing() {
  return Promise.all([
    import('../main.ts'),
    import('../http/server.ts'),
    import('../http/metrics.ts'),
    import('../http/request-log.ts'),
    import('../inside.ts'),
    import('../definition/file-source.ts'),
  ]);
}

/**
 * Opens what `serve` serves. Null where the definition has errors, which are printed. A worker that has a parent opens what the first one
 * opened, and only that one says what there is to say.
 */
export async function openForServing(
  options: ServeOptions,
  context: CommandContext,
  link: ParentLink | null,
): Promise<OpenedRegistry | null> {
  const { env, print, complain, colours } = context;
  const { slowMs, metricsToken, baseUrl, level, host, port, trustedProxies } = options;
  const [{ log, redactor }, modules] = await Promise.all([
    openLog(level, env, link?.start.number ?? null),
    loadForServing(),
  ]);
  const [
    { openRegistry, vocabulary },
    { startServer },
    { createMetrics },
    { createRequestLog },
    { insideOf },
    { keepingFiles, keptFiles },
  ] = modules;
  if (metricsToken !== null) redactor.hide(metricsToken);
  const metrics = createMetrics(link === null ? null : link.reports);
  const writeLine = createRequestLog(log, slowMs);
  const onServed: Metrics['onServed'] = (served) => {
    metrics.onServed(served);
    writeLine(served);
  };

  const isFirst = link === null || link.start.shared === null;
  const keeping = keepingFiles();
  const indexing = indexProgress(context);
  const opened = await openRegistry({
    ...options,
    files: isFirst ? keeping : keptFiles(link.start.shared as typeof keeping.kept),
    onWaiting: complain,
    onIndexing: indexing.tell,
    env,
    log,
    watch: metrics.watch,
    onServed,
    ...(link === null ? {} : { peers: link, duties: link.start.number === 1 }),
  });
  indexing.end();
  if (isFirst && opened.findings.length > 0) printFindings(opened.findings, colours, complain);
  if (!opened.ok || hasErrors(opened.findings)) {
    complain('This definition has errors and is not served.');
    return null;
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
  const version = packageVersion();
  const program = {
    version,
    node: process.versions.node,
    workers: options.workers,
    base_url: baseUrl,
    log_level: level,
    slow_ms: slowMs,
  };
  const inside = insideOf({ registry, vocabulary: await vocabulary(), metrics, metricsToken, env, program });
  link?.onReport(() => metrics.figures(inside));
  const settings = { registry, host, port, baseUrl, trustedProxies, version, log, inside, onServed };
  return {
    registry,
    files: keeping.kept,
    serve: (handed) => startServer({ ...settings, handed }),
    hideSecrets,
  };
}

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
