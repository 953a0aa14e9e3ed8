import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';
import { defaultRegistry, packageVersion } from './package.ts';
import { complainOfBlobs, countsOf, printBackup } from './print-content.ts';
import { printFindings } from './print-findings.ts';
import { createProgress } from './progress.ts';

const HELP = `Usage: entrepot backup FILE [options]

Writes a registry to one file: records, indexes' sources, events, users, tokens,
secrets, and the blobs that records name. A server may be running on the data: the
backup shows all records as they were at one moment, and nobody waits for it.

FILE is a tar archive; a name that ends in .gz compresses it, and - is the standard
output. The file bears its name only when it is whole; until then it is hidden
beside its place, and an earlier backup of that name stays as it is. At its end
stand counts and digests of all that is in it, which "entrepot restore" checks.

Options:
  --registry DIR|FILE  the definition. Default: the current folder where it has a
                       schema.json, else the registry that comes with Entrepot
  --data DIR           the data folder (ENTREPOT_DATA; ./data)
  --store STORE        where records are kept, in place of what the definition says,
                       as for serve (ENTREPOT_STORE)
  --no-blobs           leaves the blobs out, for where they are kept safe otherwise
  --json               tells a program what is in the backup
  -h, --help           show this text

Exit code: 0 when all is in the backup; 1 when it could not be made, or was made
without blobs that records name and no store has.

The file holds the hashes of passwords and tokens, and the keys that sign: keep it
as you keep those.

Examples:
  entrepot backup /backups/registry.tar.gz --data /var/lib/entrepot
  entrepot backup - | ssh other "cat > registry.tar"`;

export const backup: Command = {
  name: 'backup',
  summary: 'write all of a registry to one file, while it is served',
  help: HELP,
  async run(args, { env, print, complain, colours }) {
    const { values, positionals } = readArguments(
      args,
      {
        registry: { type: 'string' },
        data: { type: 'string' },
        store: { type: 'string' },
        'no-blobs': { type: 'boolean' },
        json: { type: 'boolean' },
      },
      1,
    );
    const [file] = positionals;
    if (file === undefined) throw new UsageError('entrepot backup needs FILE: where to');
    const isStream = file === '-';
    // Whoever reads a stream and stops makes the process end at once: that is no success.
    if (isStream) process.exitCode = 1;
    const say = isStream ? complain : print;
    const { backupRegistry } = await import('../backup-registry.ts');
    const progress = createProgress(process.stderr);
    const startedAt = performance.now();
    const result = await backupRegistry({
      registry: values.registry ?? defaultRegistry(),
      data: values.data ?? (env.ENTREPOT_DATA || 'data'),
      store: values.store ?? (env.ENTREPOT_STORE || null),
      env,
      to: isStream ? process.stdout : file,
      withBlobs: !values['no-blobs'],
      engineVersion: packageVersion(),
      onProgress: progress.update,
      onBegin: discardAtEnd,
    }).finally(progress.end);
    if (!result.ok) {
      printFindings(result.findings, colours, complain);
      return 1;
    }
    const { trailer, typeId, createdAt } = result;
    if (values.json) say(JSON.stringify({ type_id: typeId, created_at: createdAt, ...trailer }));
    else {
      printBackup(trailer, say);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      say(`Wrote ${isStream ? 'a backup' : file}: ${countsOf(trailer)}, of ${createdAt}, in ${seconds} s`);
    }
    return complainOfBlobs(trailer, complain) ? 1 : 0;
  },
};

/** A process that is told to end leaves no part of a file behind. */
function discardAtEnd(discard: () => void): void {
  process.on('exit', discard);
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}
