import type { BlobsMoved, MigrateResult, RecordsMoved } from '../migrate-stores.ts';
import { readArguments } from './arguments.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';
import { paint } from './paint.ts';
import { shortDigest, sizeText } from './print-content.ts';
import { printFindings } from './print-findings.ts';
import { createProgress } from './progress.ts';
import { table } from './table.ts';

const HELP = `Usage: entrepot migrate --from STORE --to STORE [options]
       entrepot migrate --blobs-from DIR --blobs-to DIR [options]

Moves a registry to another place, of the same kind or another: records, events,
users, tokens and secrets as they are, to the version; indexes are built there.
Blobs are moved where --blobs-from and --blobs-to say so, and stay otherwise.

At the end both sides are read anew, and the digests of every document type and of
the log are compared. Only when they are the same is the target ready; until then
no server starts on it. A move that was interrupted is run again in the same way and
copies what is missing.

Stop the servers on the source first. If it is written to nevertheless, you are told
so: run the command again, which then copies only the rest. The source stays as it
is; start the servers on the target, and remove the source when you like.

A STORE is one of
  sqlite, pglite       the file or folder that is named after it in the data folder
  sqlite:FILE          another file, pglite:FOLDER another folder; in the data folder
                       unless the name begins with /
  postgres://user:password@host/database
                       a server; with ?schema=NAME for a schema of its own. Where
                       others see command lines, leave the password out and set
                       PGPASSWORD
  postgres             the server that ENTREPOT_POSTGRES_URL names

Options:
  --from STORE         where the records are
  --to STORE           where they go; it must be empty
  --blobs-from DIR     the folder where the blobs are, as "blobs" in the data folder
  --blobs-to DIR       the folder where they go; what it has already is not copied
  --registry DIR|FILE  the definition, for its indexes and how it lays blobs out.
                       Default: the current folder where it has a schema.json, else
                       the registry that comes with Entrepot
  --data DIR           the data folder (ENTREPOT_DATA; ./data)
  --name NAME          which of the definition's kv_stores is moved (the first)
  --blobs-name NAME    which of its blob_stores (the first)
  --force              removes what the target holds first
  --json               tells a program how both sides compare
  -h, --help           show this text

Exit code: 0 when everything is the same on both sides, 1 otherwise.

Examples:
  entrepot migrate --from sqlite --to postgres://entrepot@db.example.org/packages
  entrepot migrate --from sqlite --to sqlite:/fast-disk/meta.sqlite \\
    --blobs-from /var/lib/entrepot/blobs --blobs-to /large-disk/blobs`;

export const migrate: Command = {
  name: 'migrate',
  summary: 'move a registry to other stores, and prove that nothing was lost',
  help: HELP,
  async run(args, context) {
    const { env, print, complain, colours } = context;
    const { values } = readArguments(args, {
      from: { type: 'string' },
      to: { type: 'string' },
      'blobs-from': { type: 'string' },
      'blobs-to': { type: 'string' },
      registry: { type: 'string' },
      data: { type: 'string' },
      name: { type: 'string' },
      'blobs-name': { type: 'string' },
      force: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const records = readPair(values.from, values.to, '--from', '--to');
    const blobs = readPair(values['blobs-from'], values['blobs-to'], '--blobs-from', '--blobs-to');
    if (records === null && blobs === null)
      throw new UsageError('entrepot migrate needs --from and --to: what to move');
    const { migrateStores } = await import('../migrate-stores.ts');
    const progress = createProgress(process.stderr);
    const result = await migrateStores({
      registry: values.registry ?? defaultRegistry(),
      data: values.data ?? (env.ENTREPOT_DATA || 'data'),
      env,
      records,
      blobs,
      recordStore: values.name ?? null,
      blobStore: values['blobs-name'] ?? null,
      force: values.force ?? false,
      onProgress: progress.update,
    }).finally(progress.end);
    if (!result.ok) {
      printFindings(result.findings, colours, complain);
      return 1;
    }
    if (values.json) print(JSON.stringify({ same: result.same, records: result.records, blobs: result.blobs }));
    else printMove(result, context);
    return result.same ? 0 : 1;
  },
};

function readPair(
  from: string | undefined,
  to: string | undefined,
  fromName: string,
  toName: string,
): { readonly from: string; readonly to: string } | null {
  if (from === undefined && to === undefined) return null;
  if (from === undefined || to === undefined) throw new UsageError(`${fromName} and ${toName} come together`);
  return { from, to };
}

function printMove({ records, blobs, same }: MigrateResult & { readonly ok: true }, context: CommandContext): void {
  const { print, complain, colours } = context;
  if (records !== null) printRecords(records, context);
  if (blobs !== null) printBlobs(blobs, context);
  if (same) print(paint('green', 'Everything is the same on both sides: the target is ready', colours));
  else if (records?.sourceChanged) {
    complain('The source was written to while it was copied. Run the same command again: it copies only the rest');
  } else complain('The two sides are not the same: the target is not ready. Run it again, or begin anew with --force');
}

function printRecords({ filled, compared, unknown }: RecordsMoved, { print, complain, colours }: CommandContext): void {
  const rows = compared.map(({ collection, from, to, same }) => [
    collection ?? '(events)',
    String(from?.count ?? 0),
    String(to?.count ?? 0),
    from === null ? '-' : shortDigest(from.digest),
    to === null ? '-' : shortDigest(to.digest),
    same ? 'same' : paint('red', 'differs', colours),
  ]);
  for (const line of table(['DOCUMENTS', 'FROM', 'TO', 'SHA-256 FROM', 'SHA-256 TO', ''], rows)) print(line);
  const { written, kept, removed } = filled;
  print(`${written} written, ${kept} there already, ${removed} removed`);
  for (const name of unknown) complain(`The definition knows no "${name}": its records were moved, without indexes`);
}

function printBlobs(
  { copied, from, to, others, same }: BlobsMoved,
  { print, complain, colours }: CommandContext,
): void {
  const row = (name: string, { count, bytes, digest }: BlobsMoved['from']) => [
    name,
    String(count),
    sizeText(bytes),
    shortDigest(digest),
  ];
  print('');
  for (const line of table(['BLOBS', 'COUNT', 'SIZE', 'SHA-256'], [row('from', from), row('to', to)])) print(line);
  print(
    `${copied.written} written, ${copied.kept} there already, ${others} others there: ${same ? 'same' : paint('red', 'differs', colours)}`,
  );
  for (const digest of copied.damaged)
    complain(`Damaged: the content of ${digest} does not have this digest, and was left out`);
}
