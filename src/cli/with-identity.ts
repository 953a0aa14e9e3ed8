import type { Identity } from '../open-identity.ts';
import { type CommandContext, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';
import { printFindings } from './print-findings.ts';

/** Options of every command about users and tokens. */
export const IDENTITY_OPTIONS = {
  registry: { type: 'string' },
  data: { type: 'string' },
  store: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** The same, for `--help`. */
export const IDENTITY_HELP = `  --data DIR           the data folder (ENTREPOT_DATA; ./data). A server may be running
                       on it: what changes here counts there at once
  --store STORE        where records are kept, in place of what the definition says,
                       as for serve (ENTREPOT_STORE)
  --registry DIR|FILE  the definition, for its scopes. Default: the current folder
                       where it has a schema.json, else the registry that comes
                       with Entrepot
  --json               print JSON
  -h, --help           show this text`;

/** Opens the users and tokens of a data folder for a piece of work, whose exit code is the answer; 1 where the definition has errors. */
export async function withIdentity(
  options: Readonly<Partial<Record<'registry' | 'data' | 'store', string | undefined>>>,
  { env, colours, complain }: CommandContext,
  work: (identity: Identity) => Promise<number>,
): Promise<number> {
  const { openIdentityFolder } = await import('../open-identity.ts');
  const opened = await openIdentityFolder({
    registry: options.registry ?? defaultRegistry(),
    data: options.data ?? (env.ENTREPOT_DATA || 'data'),
    store: options.store ?? (env.ENTREPOT_STORE || null),
    env,
  });
  if (!opened.ok) {
    printFindings(opened.findings, colours, complain);
    complain('This definition has errors: its scopes are not known.');
    return 1;
  }
  try {
    return await work(opened.identity);
  } finally {
    await opened.close();
  }
}

/** Which of a command's verbs is meant, and the words that it asks for. Fails with UsageError. */
export function readVerb<T extends { readonly words: readonly string[] }>(
  command: string,
  verbs: Readonly<Record<string, T>>,
  positionals: readonly string[],
): { readonly verb: T; readonly words: readonly string[] } {
  const [name, ...words] = positionals;
  const known = Object.keys(verbs).join(', ');
  if (name === undefined) throw new UsageError(`entrepot ${command} what? There are ${known}`);
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) throw new UsageError(`There is no "entrepot ${command} ${name}", but ${known}`);
  const missing = verb.words[words.length];
  if (missing !== undefined) throw new UsageError(`entrepot ${command} ${name} needs ${verb.words.join(' ')}`);
  const extra = words[verb.words.length];
  if (extra !== undefined) throw new UsageError(`What is "${extra}" meant to be?`);
  return { verb, words };
}

/** `a,b` as a list; nothing is the empty list. */
export function readList(text = ''): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
