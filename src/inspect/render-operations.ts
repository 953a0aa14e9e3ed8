import type { Json } from '../definition/types.ts';
import type { ArgumentDefinition, Effect, OperationDefinition, Vocabulary } from '../definition/vocabulary.ts';

const EFFECTS: Readonly<Record<Effect, string>> = {
  pure: 'computes; touches nothing outside',
  read: 'reads stores; in a transaction what it saw is checked at the commit',
  write: 'writes records, indexes or events, at the commit',
  once: 'runs once, also when its transaction runs again',
  deferred: 'takes effect when the transaction has committed',
  control: 'decides which steps run',
  respond: 'answers; no step after it runs',
};

/** `docs/operations.md`: the vocabulary by family, each operation with its arguments, codes and an example. */
export function renderOperations(vocabulary: Vocabulary): string {
  const operations = [...vocabulary.values()].sort((a, b) => (a.op < b.op ? -1 : 1));
  const effects = Object.entries(EFFECTS).map(([effect, meaning]) => `| \`${effect}\` | ${meaning} |`);
  return `${[
    '# Operations',
    'What a step can do. Rendered from `operations/` by `entrepot docs`: edit those files. Their examples are run as tests.',
    table('| effect | what it means |', effects),
    table(
      '| operation | effect | what it does |',
      operations.map(({ op, effect, summary }) => `| [\`${op}\`](#${anchor(op)}) | ${effect} | ${summary} |`),
    ),
    ...operations.map(renderOperation),
  ].join('\n\n')}\n`;
}

function renderOperation({
  op,
  summary,
  description,
  effect,
  args,
  oneOf,
  errors,
  examples,
}: OperationDefinition): string {
  const rows = Object.entries(args).map(
    ([name, argument]) => `| \`${name}\` | ${kindOf(argument)} | ${remarkOn(argument)} |`,
  );
  const [example] = examples;
  return [
    `## ${op}`,
    `${summary}${description === '' ? '' : ` ${description}`}`,
    `Effect: \`${effect}\`.${errors.length === 0 ? '' : ` Errors: ${errors.map((code) => `\`${code}\``).join(', ')}.`}`,
    ...(rows.length === 0 ? ['No arguments.'] : [table('| argument | kind | |', rows)]),
    ...oneOf.map((group) => {
      // A key that is left out is filled in.
      const isFilled = group.some((name) => args[name]?.kind === 'key');
      return `${isFilled ? 'At most' : 'Exactly'} one of ${group.map((name) => `\`${name}\``).join(', ')} is given.`;
    }),
    ...(example === undefined ? [] : [`For example, ${example.name}:`, fenced(example.step)]),
  ].join('\n\n');
}

function kindOf({ kind, to, many }: ArgumentDefinition): string {
  return `${kind}${to === null ? '' : ` to ${to.replace('_', ' ')}`}${many ? ', or a list' : ''}`;
}

function remarkOn({ description, required, default: fallback, nullable, schema }: ArgumentDefinition): string {
  const remarks = [
    description,
    ...(required ? ['Required.'] : []),
    ...(fallback === undefined ? [] : [`Default: \`${JSON.stringify(fallback)}\`.`]),
    ...(nullable ? ['May be null.'] : []),
    ...(Array.isArray(schema?.enum)
      ? [`One of ${schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')}.`]
      : []),
  ];
  return remarks.join(' ').replaceAll('|', '\\|');
}

/** A table of Markdown under its head. */
export function table(head: string, rows: readonly string[]): string {
  return [head, head.replace(/[^|]+/g, ' --- '), ...rows].join('\n');
}

export function fenced(json: Json): string {
  return ['```json', JSON.stringify(json, null, 2), '```'].join('\n');
}

/** As Markdown viewers make anchors of headings. */
function anchor(heading: string): string {
  return heading.replaceAll('.', '');
}
