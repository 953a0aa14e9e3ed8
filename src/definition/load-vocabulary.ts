import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import { formatFinding } from './format-findings.ts';
import { createMap, isObject, type ObjectReader, openObject } from './object-reader.ts';
import { createPlaces, type Spot, spotOf } from './places.ts';
import { createReporter, type Reporter } from './reporter.ts';
import { parseSource } from './source.ts';
import type { Json } from './types.ts';
import type { ArgumentDefinition, OperationDefinition, OperationExample, Vocabulary } from './vocabulary.ts';
import { ARGUMENT_KINDS, EFFECTS, REFERENCE_TARGETS } from './vocabulary-words.ts';

/**
 * Reads `<folder>/<family>/<name>.json`, one operation each (a bare name such as `set` stands in a family of the author's choice).
 * Throws RegistryError DEFINITION_INVALID that names file, line and column of everything that is wrong.
 */
export async function loadVocabulary(folder: string): Promise<Vocabulary> {
  const places = createPlaces();
  const reporter = createReporter(places);
  const vocabulary = new Map<string, OperationDefinition>();
  for (const name of await listFiles(folder)) {
    // Hundreds of small files: each takes microseconds this way, and several times as long by way of the thread pool.
    const text = readFileSync(join(folder, name), 'utf8');
    const json = parseSource(name, text, places, reporter.reportPlace);
    if (!isObject(json)) {
      if (json !== undefined)
        reporter.reportPlace('SHAPE_INVALID', { file: name, line: 1, column: 1, pointer: '' }, 'An object is expected');
      continue;
    }
    const operation = readOperation(json, reporter);
    if (operation === null) continue;
    const { op } = operation;
    if (vocabulary.has(op)) reporter.report('DUPLICATE_ID', spotOf(json, 'op'), `There is a second operation "${op}"`);
    if (
      !name.endsWith(`/${op.slice(op.indexOf('.') + 1)}.json`) ||
      (op.includes('.') && !name.startsWith(`${op.split('.')[0]}/`))
    ) {
      reporter.report('SHAPE_INVALID', spotOf(json, 'op'), `The file of the operation "${op}" is not named after it`);
    }
    vocabulary.set(op, operation);
  }
  const findings = reporter.findings();
  if (findings.length > 0) {
    const message = `The vocabulary has errors:\n${findings.map(formatFinding).join('\n')}`;
    throw new RegistryError('DEFINITION_INVALID', { message, details: findings });
  }
  return vocabulary;
}

async function listFiles(folder: string): Promise<readonly string[]> {
  const families = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new RegistryError('DEFINITION_INVALID', {
      message: `The folder of operations "${folder}" cannot be read`,
      cause,
    });
  });
  const lists = await Promise.all(
    families
      .filter((family) => family.isDirectory())
      .map(async (family) => (await readdir(join(folder, family.name))).map((name) => `${family.name}/${name}`)),
  );
  return lists
    .flat()
    .filter((name) => name.endsWith('.json'))
    .sort();
}

function readOperation(json: Json, reporter: Reporter): OperationDefinition | null {
  const reader = isObject(json) ? openObject(json, spotOf(json), reporter) : null;
  if (reader === null) return null;
  const op = reader.requiredText('op');
  reader.require('effect');
  const operation: OperationDefinition = {
    op,
    summary: reader.requiredText('summary'),
    description: reader.text('description', ''),
    effect: reader.choice('effect', EFFECTS, 'pure'),
    args: reader.map('args', (argument, name, spot) => readArgument(argument, name, spot, reporter)) ?? createMap(),
    oneOf: readGroups(reader, reporter),
    errors: reader.texts('errors'),
    examples: reader.list('examples', (example, spot) => readExample(example, spot, reporter)),
  };
  for (const [index, group] of operation.oneOf.entries()) {
    for (const name of group) {
      if (!Object.hasOwn(operation.args, name))
        reporter.report('SHAPE_INVALID', reader.at('oneOf'), `Group ${index} names no argument "${name}"`);
    }
  }
  reader.finish();
  return operation;
}

function readGroups(reader: ObjectReader, reporter: Reporter): readonly (readonly string[])[] {
  return reader.list('oneOf', (group, spot) => {
    if (Array.isArray(group) && group.length > 1) return group.map((name: Json) => String(name));
    reporter.report('SHAPE_INVALID', spot, 'A group is a list of at least two arguments');
    return undefined;
  });
}

function readArgument(json: Json, name: string, spot: Spot, reporter: Reporter): ArgumentDefinition | undefined {
  const reader = openObject(json, spot, reporter);
  if (reader === null) return undefined;
  reader.require('kind');
  const kind = reader.choice('kind', ARGUMENT_KINDS, 'template');
  const to = reader.any('to') === null || !reader.has('to') ? null : reader.choice('to', REFERENCE_TARGETS, 'document');
  if (kind === 'reference' && to === null)
    reporter.report('SHAPE_INVALID', spot, `"${name}" does not say what it refers "to"`);
  const argument: ArgumentDefinition = {
    kind,
    description: reader.text('description', ''),
    required: reader.boolean('required', false),
    to,
    many: reader.boolean('many', false),
    schema: reader.any('schema') === null ? null : reader.object('schema'),
    default: reader.any('default'),
    nullable: reader.boolean('nullable', false),
    scope: reader.choice('scope', ['maybe', 'inside'], 'maybe'),
  };
  reader.finish();
  return argument;
}

function readExample(json: Json, spot: Spot, reporter: Reporter): OperationExample | undefined {
  const reader = openObject(json, spot, reporter);
  if (reader === null) return undefined;
  reader.require('step');
  reader.require('expect');
  const example: OperationExample = {
    name: reader.requiredText('name'),
    given: reader.object('given') ?? {},
    step: reader.any('step') ?? null,
    expect: reader.object('expect') ?? {},
  };
  reader.finish();
  return example;
}
