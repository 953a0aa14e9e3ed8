import type { Identity, TokenView } from '../open-identity.ts';
import { readArguments } from './arguments.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { table } from './table.ts';
import { IDENTITY_HELP, IDENTITY_OPTIONS, readList, readVerb, withIdentity } from './with-identity.ts';

const HELP = `Usage: entrepot token create USER [--name TEXT] [--scopes A,B] [--expires WHEN]
       entrepot token list USER
       entrepot token revoke ID

Sees to the API tokens of a data folder's users. A token is sent as
"Authorization: Bearer ept_...", or as the password of HTTP Basic.

  create  makes a token and prints it, this once: only a hash of it is kept
  list    shows a user's tokens and sessions by their ids
  revoke  ends a token at once

Options:
  --name TEXT          what it is for, for people (default: cli)
  --scopes A,B         less than what the user may do (default: all of it)
  --expires WHEN       a time to come: 30d, 12h, 15m, or 2030-01-01T00:00:00Z
                       (default: never)
${IDENTITY_HELP}

Example:
  entrepot token create ada --name ci --scopes read --expires 30d`;

const OPTIONS = {
  ...IDENTITY_OPTIONS,
  name: { type: 'string' },
  scopes: { type: 'string' },
  expires: { type: 'string' },
} as const;

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

/** What a verb does, after the words that must follow it. */
interface Verb {
  readonly words: readonly string[];
  run(identity: Identity, word: string, values: Values, context: CommandContext): Promise<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  create: {
    words: ['USER'],
    async run(identity, user, values, { print }) {
      const scopes = values.scopes === undefined ? null : readList(values.scopes);
      const expiresAt = values.expires === undefined ? null : readExpiry(values.expires);
      const made = await identity.createToken({ user, name: values.name ?? 'cli', scopes, expiresAt });
      // With nothing around it, so that a script can take it as it is.
      print(
        values.json
          ? JSON.stringify({ id: made.id, token: made.token, expires_at: made.expiresAt }, null, 2)
          : made.token,
      );
      return 0;
    },
  },
  list: {
    words: ['USER'],
    async run(identity, user, { json }, { print, complain }) {
      const { tokenJson } = await import('../open-identity.ts');
      if ((await identity.getUser(user)) === null) {
        complain(`There is no user "${user}"`);
        return 1;
      }
      const tokens = await identity.listTokens(user);
      if (json) print(JSON.stringify(tokens.map(tokenJson), null, 2));
      else for (const line of table(HEAD, tokens.map(rowOf))) print(line);
      return 0;
    },
  },
  revoke: {
    words: ['ID'],
    async run(identity, id, { json }, { print, complain }) {
      if (await identity.revokeToken(id)) {
        print(json ? JSON.stringify({ id, revoked: true }) : `Revoked ${id}`);
        return 0;
      }
      complain(`No valid token has the id "${id}"; see: entrepot token list USER`);
      return 1;
    },
  },
};

export const token: Command = {
  name: 'token',
  summary: 'make, list and revoke API tokens of a data folder',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(args, OPTIONS, 2);
    const { verb, words } = readVerb('token', VERBS, positionals);
    if (values.expires !== undefined) readExpiry(values.expires);
    return withIdentity(values, context, (identity) => verb.run(identity, words[0] ?? '', values, context));
  },
};

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** ISO 8601 of a moment, or of so many minutes, hours or days from now. Fails with UsageError. */
function readExpiry(text: string): string {
  const [, count, unit] = /^([1-9]\d{0,5})([mhd])$/.exec(text) ?? [];
  const time = new Date(unit === undefined ? Date.parse(text) : Date.now() + Number(count) * (UNIT_MS[unit] ?? 0));
  if (!(time.getTime() > Date.now()))
    throw new UsageError(`"${text}" is not a time to come, such as 30d or 2030-01-01T00:00:00Z`);
  return time.toISOString();
}

const HEAD = ['ID', 'NAME', 'KIND', 'STATE', 'EXPIRES', 'SCOPES'];

function rowOf({ id, name, session, revokedAt, expiresAt, scopes }: TokenView): readonly string[] {
  const state = revokedAt === null ? 'valid' : 'revoked';
  return [id, name, session ? 'session' : 'token', state, expiresAt ?? 'never', scopes?.join(',') ?? 'all of the user'];
}
