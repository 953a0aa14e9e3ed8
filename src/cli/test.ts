import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readArguments } from './arguments.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { defaultRegistry } from './package.ts';
import { printFindings } from './print-findings.ts';
import { printTestReport, printTestResult } from './print-tests.ts';
import { watchFolder } from './watch-folder.ts';

const HELP = `Usage: entrepot test [DIR|FILE] [options]

Runs the tests of a registry's routes: every *.test.json beside schema.json and
the routes of its packs (of a definition in one file x.json: x.test.json). Each
test has stores of its own, which are thrown away after it; no server is started
and nothing outside is reached. Without DIR or FILE: the current folder where it
has a schema.json, else the registry that comes with Entrepot.

  {
    "given": { "principal": { "sub": "ada", "scopes": ["write"] } },
    "tests": [{
      "name": "a tag points to what was published",
      "given": { "steps": [{ "request": {
        "method": "PUT", "path": "/v1/acme/tool/1.0.0/any/blob", "body": "bytes" } }] },
      "request": { "method": "PUT", "path": "/v1/acme/tool/tags/stable",
        "body": { "json": { "target_version": "1.0.0", "target_variant": "any" } } },
      "response": { "status": 200, "json": { "ok": true } },
      "state": { "events": [{ "type": "tag_updated",
        "payload": { "$includes": { "tag": "stable" } } }] }
    }]
  }

given     principal (anonymous where left out), steps (requests made first; their
          answers may be expected too, and values kept for later requests), now,
          env, definition (a merge patch over schema.json)
mocks     answers of upstreams, by name; a real server on loopback gives them
response  status, headers, and json (equal), includes (JSON with further
          members), text, bytes or digest
state     records, events, blobs, what upstreams were asked, or unchanged

Options:
  --filter TEXT  only tests with this in their name or their file's
  --store KIND   kind of the record stores: memory (default), sqlite, or
                 declared: as the definition says
  --watch        run again whenever a file of the registry changes
  --json         print the results as JSON
  --schema       print the JSON Schema of a test file, for editors
  -h, --help     show this text

Exit code: 0 when every test passed, 1 when one failed, could not be read, or
there was none.`;

const STORES: Readonly<Record<string, string | null>> = { memory: 'memory', sqlite: 'sqlite', declared: null };

export const test: Command = {
  name: 'test',
  summary: "run the tests of a registry's routes",
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(
      args,
      {
        filter: { type: 'string' },
        store: { type: 'string' },
        watch: { type: 'boolean' },
        json: { type: 'boolean' },
        schema: { type: 'boolean' },
      },
      1,
    );
    const kind = values.store ?? 'memory';
    if (!Object.hasOwn(STORES, kind)) throw new UsageError(`"${kind}" is not one of ${Object.keys(STORES).join(', ')}`);
    if (values.watch && values.json) throw new UsageError('--watch is for people; --json is for programs');
    if (values.schema) {
      const { TEST_FILE_SCHEMA } = await import('../route-tests/test-file-schema.ts');
      context.print(JSON.stringify(TEST_FILE_SCHEMA, null, 2));
      return 0;
    }
    const path = resolve(positionals[0] ?? defaultRegistry());
    const options = {
      store: STORES[kind] ?? null,
      kind,
      ...(values.filter !== undefined && { filter: values.filter }),
    };
    if (values.watch && !existsSync(path)) throw new UsageError(`There is nothing at ${path} to watch`);
    if (!values.watch) return runOnce(path, options, values.json === true, context);
    await watchFolder(path, async () => {
      await runOnce(path, options, false, context);
      context.print('Waiting for changes; stop with Ctrl-C');
    });
    return 0;
  },
};

async function runOnce(
  path: string,
  options: { readonly store: string | null; readonly kind: string; readonly filter?: string },
  json: boolean,
  { print, colours }: CommandContext,
): Promise<number> {
  const { runRouteTests } = await import('../route-tests/run-route-tests.ts');
  let file = '';
  const report = await runRouteTests(path, {
    ...options,
    onResult: (result) => {
      if (json) return;
      if (result.place.file !== file) print(result.place.file);
      file = result.place.file;
      printTestResult(result, colours, print);
    },
  });
  const { findings, results, untested } = report;
  const failed = results.filter(({ ok }) => !ok).length;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  if (json) {
    const tests = results.map(({ name, place, ok, route, response, differences, trouble, durationMs }) => ({
      name,
      file: place.file,
      line: place.line,
      ok,
      route,
      status: response?.status ?? null,
      differences,
      trouble,
      duration_ms: Math.round(durationMs),
    }));
    const passed = results.length - failed;
    print(JSON.stringify({ store: options.kind, passed, failed, tests, untested, findings }, null, 2));
  } else {
    if (findings.length > 0) printFindings(findings, colours, print);
    printTestReport(report, options.kind, colours, print);
  }
  return failed > 0 || errors > 0 || results.length === 0 ? 1 : 0;
}
