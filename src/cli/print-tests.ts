import type { RouteTestReport, RouteTestResult } from '../route-tests/run-route-tests.ts';
import { paint } from './paint.ts';

const MAX_SHOWN = 2000;

/** Writes a test's name, and below it, where it failed, what was expected and what came. */
export function printTestResult(result: RouteTestResult, colours: boolean, print: (line: string) => void): void {
  const { name, ok, place, differences, trouble, response, durationMs } = result;
  if (ok) {
    print(`  ${paint('green', '✓', colours)} ${name}${durationMs > 300 ? ` (${Math.round(durationMs)} ms)` : ''}`);
    return;
  }
  print(`  ${paint('red', '✗', colours)} ${name}  ${place.file}:${place.line}:${place.column}`);
  for (const { where, expected, actual } of differences) {
    print(`      ${where}`);
    print(`        ${paint('green', `expected  ${shown(expected)}`, colours)}`);
    print(`        ${paint('red', `got       ${shown(actual)}`, colours)}`);
  }
  if (response !== null && differences.length > 0) {
    print(`      the answer was ${response.status} ${clip(response.body.toString())}`);
  }
  for (const text of trouble) print(`      ${text.replaceAll('\n', '\n        ')}`);
}

/** Writes how many tests passed, and which routes no test is about. */
export function printTestReport(
  { results, untested, findings }: RouteTestReport,
  store: string,
  colours: boolean,
  print: (line: string) => void,
): void {
  const failed = results.filter(({ ok }) => !ok).length;
  if (results.length === 0) {
    if (findings.length === 0)
      print('There are no tests here: write NAME.test.json beside a route, see "entrepot test --help"');
    return;
  }
  const milliseconds = Math.round(results.reduce((sum, { durationMs }) => sum + durationMs, 0));
  print('');
  if (untested.length > 0) {
    print(`${paint('yellow', 'Routes without a test', colours)}: ${untested.join(', ')}`);
  }
  const verdict = failed === 0 ? paint('green', `${results.length} passed`, colours) : '';
  const mixed = `${results.length - failed} passed, ${paint('red', `${failed} failed`, colours)}`;
  print(`${failed === 0 ? verdict : mixed} (stores: ${store}, ${milliseconds} ms)`);
}

function shown(value: unknown): string {
  return value === undefined ? 'nothing' : clip(JSON.stringify(value));
}

function clip(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)`;
}
