import { Ajv2020 } from 'ajv/dist/2020.js';
import jsonata from 'jsonata';
import type { Json } from '../../src/definition/types.ts';
import { PARAMETERS, type Pipelines, VERSION_PATTERN } from './pipelines.ts';
import type { EngineRow } from './rows.ts';
import { repeated, type Work } from './work.ts';

const STEP_COUNTS = [1, 8, 32, 128];
/** A pipeline of so many equal steps shows what one takes; what begins and ends it is a hundredth then. */
const MANY = 128;
/** What the issue asks of a `set` and a condition, and of an entity, in nanoseconds. */
const STEP_BELOW_NS = 200;
const ENTITY_BELOW_NS = 2000;

const set = (args: Json, when?: Json): Json => ({ op: 'set', args, ...(when === undefined ? {} : { when }) });
const respond: Json = { op: 'respond.empty', args: {} };
const copies = (count: number, steps: readonly Json[]) =>
  Array.from({ length: count }, (_, index) => steps[index % steps.length] ?? null);

/** What pipelines are made of that compute and wait for nothing: a value, a text, a condition, an object. */
const MIXED: readonly Json[] = [
  set({ value: '$name' }),
  set({ text: '{name}-{version}' }),
  set({ kept: '$version' }, { equals: ['$variant', 'any'] }),
  set({ object: { name: '$name', version: '$version' } }),
];

const NUMBERS = Array.from({ length: 100 }, (_, index) => ({ name: `item-${index}`, size: index }));
const TINY = 'size + 1';
const MAPPED = "$map(items, function($item) { { 'name': $item.name, 'size': $item.size * 2 } })";

export const STEP_PIPELINES: Readonly<Record<string, readonly Json[]>> = {
  ...Object.fromEntries(STEP_COUNTS.map((count) => [`steps-${count}`, [...copies(count, MIXED), respond]])),
  'set-value': [...copies(MANY, [set({ value: '$name' })]), respond],
  'set-text': [...copies(MANY, [set({ text: '{name}-{version}' })]), respond],
  condition: [...copies(MANY, [set({ value: '$name' }, { equals: ['$variant', 'none'] })]), respond],
  entity: [
    { op: 'parse.path', args: { entity: 'artifact' } },
    { op: 'normalize.entity', args: { entity: 'artifact' } },
    { op: 'validate.entity', args: { entity: 'artifact' } },
    respond,
  ],
  'jsonata-tiny': [set({ size: 41 }), set({ value: `{% ${TINY} %}` }), respond],
  'jsonata-map': [set({ items: NUMBERS }), set({ value: `{% ${MAPPED} %}` }), respond],
};

/** Pipelines that compute, each beside the same by hand or by a library alone. */
export function stepRows({ runOf, requestOf }: Pipelines): readonly EngineRow[] {
  const engine = (id: string) => repeated('engine', runOf(id));
  const entity = JSON.stringify(PARAMETERS);
  const part = 'engine';
  return [
    ...STEP_COUNTS.map((count): EngineRow => {
      const title = `one step of a pipeline of ${count}`;
      return { name: `steps-${count}`, title, part, first: engine(`steps-${count}`), second: mixed(count), of: count };
    }),
    {
      name: 'request',
      title: 'a request of 8 steps: found, let in, run, answered',
      part,
      first: repeated('request', requestOf('steps-8')),
      second: repeated('its pipeline alone', runOf('steps-8')),
    },
    {
      name: 'set-value',
      title: 'set, of a value',
      part,
      first: engine('set-value'),
      second: byHand(MANY, (frame) => {
        frame.value = frame.name;
      }),
      of: MANY,
      belowNs: STEP_BELOW_NS,
    },
    {
      name: 'set-text',
      title: 'set, of a text with two values',
      part,
      first: engine('set-text'),
      second: byHand(MANY, (frame) => {
        frame.text = `${frame.name}-${frame.version}`;
      }),
      of: MANY,
      belowNs: STEP_BELOW_NS,
    },
    {
      name: 'condition',
      title: 'a condition that does not hold',
      part,
      first: engine('condition'),
      second: byHand(MANY, (frame) => {
        if (frame.variant === 'none') frame.value = frame.name;
      }),
      of: MANY,
      belowNs: STEP_BELOW_NS,
    },
    {
      name: 'entity',
      title: 'an entity of four fields: parsed, normalised, validated',
      part,
      first: engine('entity'),
      second: repeated('ajv', () => validatePlain({ ...PARAMETERS })),
      belowNs: ENTITY_BELOW_NS,
    },
    {
      name: 'entity-parse',
      title: 'the same entity',
      part,
      first: engine('entity'),
      second: repeated('JSON.parse', () => JSON.parse(entity)),
    },
    expression('jsonata-tiny', 'a tiny expression', TINY, { size: 41 }),
    expression('jsonata-map', 'an expression that maps 100 objects', MAPPED, { items: NUMBERS }),
  ];

  function expression(name: string, title: string, source: string, data: object): EngineRow {
    const compiled = jsonata(source);
    return { name, title, part, first: engine(name), second: repeated('jsonata', () => compiled.evaluate(data)) };
  }
}

interface HandFrame {
  readonly name: string;
  readonly version: string;
  readonly variant: string;
  value: unknown;
  text: unknown;
  kept: unknown;
  object: unknown;
}

function byHand(count: number, step: (frame: HandFrame) => void): Work {
  return repeated('by hand', () => {
    const frame = { ...PARAMETERS, value: null, text: null, kept: null, object: null };
    for (let index = 0; index < count; index++) step(frame);
    return frame;
  });
}

/** The same steps as `MIXED`, as somebody would write them. */
function mixed(count: number): Work {
  const steps: readonly ((frame: HandFrame) => void)[] = [
    (frame) => {
      frame.value = frame.name;
    },
    (frame) => {
      frame.text = `${frame.name}-${frame.version}`;
    },
    (frame) => {
      if (frame.variant === 'any') frame.kept = frame.version;
    },
    (frame) => {
      frame.object = { name: frame.name, version: frame.version };
    },
  ];
  return repeated('by hand', () => {
    const frame = { ...PARAMETERS, value: null, text: null, kept: null, object: null };
    for (let index = 0; index < count; index++) steps[index % 4]?.(frame);
    return frame;
  });
}

const text = (pattern: string) => ({ type: 'string', pattern });
const NAME_PATTERN = '^[a-z0-9][a-z0-9._-]{0,127}$';

const validatePlain = new Ajv2020().compile({
  type: 'object',
  required: Object.keys(PARAMETERS),
  properties: {
    namespace: text(NAME_PATTERN),
    name: text(NAME_PATTERN),
    version: text(VERSION_PATTERN),
    variant: text(NAME_PATTERN),
  },
});
