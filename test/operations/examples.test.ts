import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadVocabulary } from '../../src/definition/load-vocabulary.ts';
import type { Json } from '../../src/definition/types.ts';
import type { OperationExample } from '../../src/definition/vocabulary.ts';
import { object, type StoreKinds } from './example-registry.ts';
import { bytesOf, type Outcome, runExample } from './run-example.ts';

const vocabulary = await loadVocabulary(fileURLToPath(new URL('../../operations', import.meta.url)));

const STORES: readonly StoreKinds[] = [
  { name: 'memory', records: 'memory', memory: true },
  { name: 'sqlite', records: 'sqlite', memory: false },
];

for (const kinds of STORES) {
  for (const { op, examples } of vocabulary.values()) {
    describe(`${op} on ${kinds.name}`, () => {
      test.each(examples.map((example) => [example.name, example] as const))('%s', async (_name, example) => {
        const folder = await mkdtemp(join(tmpdir(), 'entrepot-example-'));
        try {
          await runExample(example, vocabulary, kinds, folder, (outcome) => check(example, outcome));
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      });
    });
  }
}

async function check({ expect: expected }: OperationExample, outcome: Outcome): Promise<void> {
  const text = outcome.body.toString();
  if (expected.error !== undefined) checkError(expected.error, outcome.status, text);
  else if (expected.response === undefined) expect({ status: outcome.status, text }).toMatchObject({ status: 200 });
  if (expected.response !== undefined) checkResponse(expected.response, outcome);
  if (expected.bindings !== undefined) expect(JSON.parse(text)).toEqual(expected.bindings);
  for (const [document, records] of Object.entries(object(expected.records))) {
    for (const [key, value] of Object.entries(object(records))) {
      expect(await outcome.record(document, key), `record ${key}`).toEqual(value);
    }
  }
  if (expected.events !== undefined) expect(await outcome.events()).toEqual(expected.events);
}

function checkError(expected: Json, status: number, text: string): void {
  const wanted = typeof expected === 'string' ? { code: expected } : object(expected);
  expect(status, text).toBeGreaterThanOrEqual(400);
  const { status: wantedStatus, ...shown } = wanted as Record<string, Json>;
  expect(JSON.parse(text)).toMatchObject({ error: shown });
  if (wantedStatus !== undefined) expect(status).toBe(wantedStatus);
}

function checkResponse(expected: Json, outcome: Outcome): void {
  const { status, headers, json, text, base64 } = object(expected);
  const body = outcome.body;
  expect(outcome.status, body.toString()).toBe(status);
  for (const [name, value] of Object.entries(object(headers))) {
    const actual = outcome.headers.filter(([own]) => own.toLowerCase() === name).map(([, own]) => own);
    expect(actual, `header ${name}`).toEqual(value === null ? [] : Array.isArray(value) ? value : [value]);
  }
  if (json !== undefined) expect(JSON.parse(body.toString())).toEqual(json);
  if (text !== undefined) expect(body.toString()).toBe(text);
  if (base64 !== undefined) expect(body).toEqual(bytesOf({ base64 }));
}
