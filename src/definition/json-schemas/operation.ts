import { ARGUMENT_KINDS, EFFECTS, REFERENCE_TARGETS } from '../vocabulary-words.ts';
import { choice, closed, flag, list, named, SCHEMA, text, texts } from './parts.ts';

const ARGUMENT = closed(
  'An argument.',
  {
    kind: choice('How it is read.', ARGUMENT_KINDS),
    description: text('What it is.'),
    required: flag('It must be given.'),
    to: choice('What a reference refers to.', REFERENCE_TARGETS),
    many: flag('It may be a list.'),
    schema: SCHEMA,
    default: { description: 'Its value where it is left out.' },
    nullable: flag('It may be null.'),
    scope: choice('What names bound inside are worth outside.', ['maybe', 'inside']),
  },
  ['kind'],
);

/** `operations/<family>/<name>.json`. */
export const OPERATION = closed(
  'An operation: what steps may do.',
  {
    op: { type: 'string', pattern: '^([a-z]+\\.)?[a-z0-9_]+$', description: '"family.name", or a bare name.' },
    summary: text('One sentence.'),
    description: text('What else there is to know.'),
    effect: choice('What it does to the world.', EFFECTS),
    args: named('Arguments by name.', ARGUMENT),
    oneOf: list('Groups of arguments, of each of which exactly one is given.', texts('A group.')),
    errors: texts('Codes it may fail with.'),
    examples: list(
      'Examples, which are run as tests.',
      closed(
        'An example.',
        {
          name: text('What it shows.'),
          given: { type: 'object', description: 'What there is before.' },
          step: { type: ['object', 'array'], description: 'A step, or several.' },
          expect: { type: 'object', description: 'What there is after.' },
        },
        ['name', 'step', 'expect'],
      ),
    ),
  },
  ['op', 'summary', 'effect'],
);
