import type { RunningServer } from '../http/server.ts';
import type { Command, CommandContext } from './command.ts';
import { listenFailure } from './listen-failure.ts';
import { reload } from './reload.ts';
import { readServeOptions, type ServeOptions } from './serve-options.ts';
import { settleIn } from './settle-in.ts';
import { stopSignal } from './stop-signal.ts';
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
  --workers N          how many processes serve, or "auto" for one for each processor
                       core (ENTREPOT_WORKERS; 1). They share the port, the records
                       and the blobs, which must be kept where they can be shared; one
                       that dies is replaced
  --base-url URL       how clients reach this server, for links in documents.
                       Default: what each request says it asked for
  --trust-proxy LIST   addresses or networks of proxies in front of this server,
                       as in 127.0.0.1,10.0.0.0/8: the client is then who their
                       X-Forwarded-For says (ENTREPOT_TRUST_PROXY)
  --watch              take in the definition anew whenever one of its files changes.
                       One with errors is told of and left alone: the one before
                       goes on. With one worker only
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
    const options = readServeOptions(args, context);
    if (options.workers === 1) return serveAlone(options, context);
    const { serveWithWorkers } = await import('./serve-workers.ts');
    return serveWithWorkers(options, args, context);
  },
};

async function serveAlone(options: ServeOptions, context: CommandContext): Promise<number> {
  const { openForServing } = await import('./serve-registry.ts');
  const opened = await openForServing(options, context, null);
  if (opened === null) return 1;
  const { registry } = opened;
  let server: RunningServer;
  try {
    server = await opened.serve(null);
  } catch (thrown) {
    await registry.close();
    context.complain(listenFailure(thrown, options.host, options.port));
    return 1;
  }
  const stopped = stopSignal(context);
  context.print(`Listening on ${server.url}`);
  settleIn();
  const takeIn = () => reload(options.registry, registry, context).then(opened.hideSecrets);
  if (options.watch) await watchFolder(options.registry, takeIn, stopped);
  await stopped;
  await server.close();
  await registry.close();
  return 0;
}
