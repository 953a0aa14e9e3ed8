import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { TEST_FILE_SCHEMA } from '../../src/route-tests/test-file-schema.ts';
import { filesBelow, ROOT, textOf } from '../house/source-files.ts';

const FILE = 'schemas/route-test.schema.json';

describe('the schema of test files', () => {
  test(`stands in ${FILE}`, () => {
    const text = `${JSON.stringify(TEST_FILE_SCHEMA, null, 2)}\n`;
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(join(ROOT, FILE), text);
    expect(readFileSync(join(ROOT, FILE), 'utf8')).toBe(text);
  });

  test('is valid, and fits the files that name it', () => {
    const validate = new Ajv2020({ strict: false, formats: { 'date-time': true } }).compile(TEST_FILE_SCHEMA);
    const files = filesBelow('routes', '.test.json');
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const json = JSON.parse(textOf(file));
      expect(json.$schema, file).toBe(`../../${FILE}`);
      expect(validate(json), file).toBe(true);
      expect(validate({ ...json, tests: [{ ...json.tests[0], respons: {} }] }), file).toBe(false);
    }
  });
});
