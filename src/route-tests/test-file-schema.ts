import { DEFAULT_NOW } from './test-file.ts';

const text = (description: string) => ({ type: 'string', description });
const anything = (description: string) => ({ description });
const object = (description: string, properties: object, required: readonly string[] = []) => ({
  type: 'object',
  description,
  properties: { ...properties, comment: { description: 'Means nothing.' } },
  required,
  additionalProperties: false,
});
const byName = (description: string, additionalProperties: object) => ({
  type: 'object',
  description,
  additionalProperties,
});

const content = (description: string) => ({
  type: ['string', 'object'],
  description: `${description}: a text, {"json": value}, {"base64": text} or {"repeat": text, "times": number}.`,
  properties: {
    json: {},
    base64: { type: 'string' },
    repeat: { type: 'string' },
    times: { type: 'integer', minimum: 0 },
  },
  additionalProperties: false,
});

const status = { type: 'integer', minimum: 100, maximum: 599, description: 'The HTTP status.' };
const digest = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' };

const principal = {
  ...object(
    'Who makes the request; null is anonymous.',
    {
      sub: text('The user name.'),
      scopes: { type: 'array', items: { type: 'string' }, description: 'Scopes held.' },
      roles: { type: 'array', items: { type: 'string' }, description: 'Roles held.' },
      org: { type: ['string', 'null'], description: 'The organisation.' },
    },
    ['sub'],
  ),
  type: ['object', 'null'],
};

const users = byName(
  'Users by name: who logs in, and whose tokens are made. A request comes with their credentials in its "authorization", or names its principal.',
  object('A user.', {
    password: text('Without one, only tokens get in.'),
    scopes: { type: 'array', items: { type: 'string' }, description: 'Scopes, or "*" for all.' },
    roles: { type: 'array', items: { type: 'string' }, description: 'Roles.' },
    org: { type: ['string', 'null'], description: 'The organisation.' },
  }),
);

const request = object(
  'A request. {name} in a text stands for a value that an earlier step kept.',
  {
    method: { type: 'string', description: 'GET where left out.' },
    path: { type: 'string', pattern: '^/', description: 'Raw path with query, percent-encoded.' },
    headers: byName('Request headers.', { type: 'string' }),
    body: content('The body'),
    principal: { ...principal, description: 'Who makes this request, where it is not whom `given` names.' },
  },
  ['path'],
);

const response = object(
  'What the answer must be; what is not named does not matter. In JSON, {"$matches": regex}, {"$includes": value} and {"$any": true} match.',
  {
    status,
    headers: byName('By name. Null: not there. A list: all values of the header.', {}),
    json: anything('The body as JSON, equal in everything.'),
    includes: anything('The body as JSON; objects may have further members.'),
    text: text('The body as text.'),
    bytes: content('The body, byte for byte'),
    digest: { ...digest, description: "The body's digest." },
  },
  ['status'],
);

const given = object('What is there before the request.', {
  definition: {
    type: 'object',
    description: 'A merge patch (RFC 7396) over `schema.json`, to try features and limits.',
  },
  env: byName('Environment variables; there are no others.', { type: 'string' }),
  now: { type: 'string', format: 'date-time', description: `The time, which stands still. Default: ${DEFAULT_NOW}.` },
  users,
  principal,
  steps: {
    type: 'array',
    description: 'Requests that are made first. Those of the file come before those of a test.',
    items: object(
      'A request and its answer.',
      {
        request,
        response: { ...response, description: 'Where left out, any answer below 400 will do.' },
        keep: byName('Names for values of the JSON answer, by JSON pointer; {name} in later requests.', {
          type: 'string',
        }),
      },
      ['request'],
    ),
  },
});

const answer = object('An answer of a mock upstream. Given in order, the last one again and again.', {
  path: text('Counts for requests of this path and query only.'),
  status,
  headers: byName('Response headers.', { type: 'string' }),
  body: content('The body'),
  echo: { const: true, description: 'Answers with the request as JSON.' },
  cut: { const: true, description: 'Breaks the connection before the end of the body.' },
});

const state = object('What the stores hold afterwards.', {
  unchanged: { const: true, description: 'No record has changed; no event and no blob was added.' },
  records: byName('All records of a document, by their keys.', { type: 'object' }),
  events: {
    type: 'array',
    description: 'The events that the request appended, in order.',
    items: object('An event.', { type: text('The event type.'), payload: anything('The payload.') }, [
      'type',
      'payload',
    ]),
  },
  blobs: { type: 'array', items: digest, description: 'Digests of all blobs that are kept.' },
  upstreams: byName('What each mock was asked, as "GET /path".', { type: 'array', items: { type: 'string' } }),
});

/** JSON Schema (2020-12) of a `*.test.json` file; editors and `entrepot test` go by it. */
export const TEST_FILE_SCHEMA: object = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Tests of routes',
  ...object(
    'Tests of the routes that this file stands beside.',
    {
      $schema: { type: 'string' },
      description: { type: 'string' },
      given: { ...given, description: 'Holds for every test of the file; a test may add steps and replace the rest.' },
      tests: {
        type: 'array',
        minItems: 1,
        items: object(
          'A test: what is given, one request, and what must come of it.',
          {
            name: { type: 'string', minLength: 1, description: 'What it shows. Unique in the file.' },
            given,
            mocks: byName('Answers of upstreams, by name. An upstream without mocks has no address.', {
              type: 'array',
              items: answer,
            }),
            request,
            response,
            state,
          },
          ['name', 'request', 'response'],
        ),
      },
    },
    ['tests'],
  ),
};
