import type { Identity, UserView } from '../open-identity.ts';
import { readArguments } from './arguments.ts';
import type { Command, CommandContext } from './command.ts';
import { readSecret } from './read-secret.ts';
import { table } from './table.ts';
import { IDENTITY_HELP, IDENTITY_OPTIONS, readList, readVerb, withIdentity } from './with-identity.ts';

const HELP = `Usage: entrepot user add NAME [--scopes A,B] [--password-stdin | --no-password]
       entrepot user list
       entrepot user password NAME [--password-stdin]
       entrepot user scopes NAME A,B
       entrepot user disable NAME
       entrepot user enable NAME

Sees to the users of a data folder.

  add       makes a user. Without --scopes it may do nothing; "*" gives all scopes
            that the definition declares, now and later
  password  sets another password. Sessions end, API tokens stay
  scopes    sets what the user may do, in place of what it was
  disable   takes neither password nor token of the user any more; enable undoes it.
            Users are never deleted: a name is not given twice

A password is made up and printed once, unless it is given:
  --password-stdin     take the password from standard input
  --no-password        the user comes with tokens only

Options:
  --scopes A,B         names of scopes, or "*"
  --roles A,B          roles, for conditions in routes
  --org NAME           the organisation, for conditions in routes
${IDENTITY_HELP}

Example:
  entrepot user add ada --scopes read,write --password-stdin < password.txt`;

const OPTIONS = {
  ...IDENTITY_OPTIONS,
  scopes: { type: 'string' },
  roles: { type: 'string' },
  org: { type: 'string' },
  'password-stdin': { type: 'boolean' },
  'no-password': { type: 'boolean' },
} as const;

type Values = ReturnType<typeof readArguments<typeof OPTIONS>>['values'];

/** What a verb does, after the words that must follow it. */
interface Verb {
  readonly words: readonly string[];
  run(identity: Identity, words: readonly string[], values: Values, context: CommandContext): Promise<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  add: {
    words: ['NAME'],
    async run(identity, [username = ''], values, context) {
      const { password, shown } = values['no-password'] ? NO_PASSWORD : await passwordOf(values);
      const { scopes, roles, org } = values;
      const made = { username, password, scopes: readList(scopes), roles: readList(roles), org: org ?? null };
      return show(await identity.createUser(made), values, context, shown);
    },
  },
  list: { words: [], run: listUsers },
  password: {
    words: ['NAME'],
    async run(identity, [username = ''], values, context) {
      const { password, shown } = await passwordOf(values);
      return show(await identity.setPassword(username, password), values, context, shown);
    },
  },
  scopes: {
    words: ['NAME', 'A,B'],
    run: async (identity, [username = '', list], values, context) =>
      show(await identity.setUserScopes(username, readList(list)), values, context),
  },
  disable: {
    words: ['NAME'],
    run: async (identity, [username = ''], values, context) =>
      show(await identity.disableUser(username), values, context),
  },
  enable: {
    words: ['NAME'],
    run: async (identity, [username = ''], values, context) =>
      show(await identity.enableUser(username), values, context),
  },
};

export const user: Command = {
  name: 'user',
  summary: 'add, list and change the users of a data folder',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(args, OPTIONS, 3);
    const { verb, words } = readVerb('user', VERBS, positionals);
    return withIdentity(values, context, (identity) => verb.run(identity, words, values, context));
  },
};

const NO_PASSWORD = { password: null, shown: null };

/** A password from standard input, or one that is made up and must be shown. */
async function passwordOf(values: Values): Promise<{ readonly password: string; readonly shown: string | null }> {
  if (values['password-stdin']) return { password: await readSecret(), shown: null };
  const { generatePassword } = await import('../open-identity.ts');
  const password = generatePassword();
  return { password, shown: password };
}

async function show(
  changed: UserView,
  { json }: Values,
  { print }: CommandContext,
  password: string | null = null,
): Promise<number> {
  const { userJson } = await import('../open-identity.ts');
  const shown = password === null ? {} : { password };
  if (json) print(JSON.stringify({ ...userJson(changed), ...shown }, null, 2));
  else {
    for (const line of table(HEAD, [rowOf(changed)])) print(line);
    if (password !== null) print(`\nPassword: ${password} (shown only this once)`);
  }
  return 0;
}

const PAGE_SIZE = 1000;

async function listUsers(
  identity: Identity,
  _words: readonly string[],
  { json }: Values,
  { print }: CommandContext,
): Promise<number> {
  const { userJson } = await import('../open-identity.ts');
  const users: UserView[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<Identity['listUsers']>> = await identity.listUsers(after, PAGE_SIZE);
    users.push(...page.users);
    after = page.next;
  } while (after !== null);
  if (json) print(JSON.stringify(users.map(userJson), null, 2));
  else for (const line of table(HEAD, users.map(rowOf))) print(line);
  return 0;
}

const HEAD = ['USER', 'STATE', 'SINCE', 'SCOPES'];

function rowOf({ username, disabled, createdAt, scopes }: UserView): readonly string[] {
  return [username, disabled ? 'disabled' : 'active', createdAt.slice(0, 10), scopes.join(',') || '-'];
}
