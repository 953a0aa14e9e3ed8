import { readArguments } from './arguments.ts';
import { type Command, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';
import { complainOfBlobs, countsOf, printBackup } from './print-content.ts';
import { printFindings } from './print-findings.ts';
import { createProgress } from './progress.ts';

const HELP = `Usage: entrepot restore FILE [options]
       entrepot restore FILE --verify-only

Fills the stores of a registry from a backup that "entrepot backup" made, users,
tokens and secrets among it. Versions, times and the order of events are kept: tags
that clients hold, and cursors of those who read the log, stay right.

Counts and digests of everything are checked, of blobs while they are written, and
at the end what the stores hold is compared with what the backup says. Until then
the stores are marked as half filled, and no server starts on them. A restore that
was interrupted is run again in the same way and does what is missing.

The stores must be empty, and no server may be running on them. FILE - is the
standard input.

Options:
  --registry DIR|FILE  the definition. Default: the current folder where it has a
                       schema.json, else the registry that comes with Entrepot
  --data DIR           the data folder, made where it is missing (ENTREPOT_DATA; ./data)
  --store STORE        where records are kept, in place of what the definition says,
                       as for serve (ENTREPOT_STORE)
  --verify-only        reads and checks the file and touches nothing else
  --force              removes what is in the stores first. Without it, stores that
                       hold anything but a part of this very backup are refused.
                       Blobs are never removed: the same ones are not written twice
  --json               tells a program what was in the backup
  -h, --help           show this text

Examples:
  entrepot restore /backups/registry.tar.gz --verify-only
  entrepot restore /backups/registry.tar.gz --data /var/lib/entrepot-new`;

export const restore: Command = {
  name: 'restore',
  summary: 'fill an empty registry from a backup',
  help: HELP,
  async run(args, { env, print, complain, colours }) {
    const { values, positionals } = readArguments(
      args,
      {
        registry: { type: 'string' },
        data: { type: 'string' },
        store: { type: 'string' },
        'verify-only': { type: 'boolean' },
        force: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      1,
    );
    const [file] = positionals;
    if (file === undefined) throw new UsageError('entrepot restore needs FILE: where from');
    const { restoreRegistry, verifyBackup } = await import('../restore-registry.ts');
    const progress = createProgress(process.stderr);
    const from = file === '-' ? process.stdin : file;
    const restored = values['verify-only']
      ? { ok: true as const, read: await verifyBackup(from, progress.update).finally(progress.end), filled: null }
      : await restoreRegistry({
          registry: values.registry ?? defaultRegistry(),
          data: values.data ?? (env.ENTREPOT_DATA || 'data'),
          store: values.store ?? (env.ENTREPOT_STORE || null),
          env,
          from,
          force: values.force ?? false,
          onProgress: progress.update,
        }).finally(progress.end);
    if (!restored.ok) {
      printFindings(restored.findings, colours, complain);
      return 1;
    }
    const { read, filled } = restored;
    const { manifest, trailer } = read;
    const { type_id, created_at, engine_version } = manifest;
    if (values.json) print(JSON.stringify({ type_id, created_at, engine_version, ...filled, ...trailer }));
    else {
      printBackup(trailer, print);
      const what = `the backup of ${type_id} of ${created_at}, made by Entrepot ${engine_version}`;
      if (filled === null) print(`Whole: ${what}: ${countsOf(trailer)}`);
      else print(`Restored ${what}: ${countsOf(trailer)}${restText(filled)}`);
      if (manifest.blob_stores.length === 0) complain('This backup was made without blobs.');
    }
    return complainOfBlobs(trailer, complain) ? 1 : 0;
  },
};

/** What an earlier run had done, and what was in the way. */
function restText({ kept, removed }: { readonly kept: number; readonly removed: number }): string {
  const parts = [];
  if (kept > 0) parts.push(`${kept} were there already`);
  if (removed > 0) parts.push(`${removed} others were removed`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
