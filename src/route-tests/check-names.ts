import { nearest } from '../definition/nearest.ts';
import type { Definition } from '../definition/types.ts';
import type { Given, RouteTestFile, TestPrincipal } from './test-file.ts';

/** A name in a test that means nothing. */
export interface NameProblem {
  /** JSON pointer into the test file. */
  readonly pointer: string;
  readonly message: string;
  readonly fix: string | null;
}

/** A name as the definition has it: of the pack where the pack declares it, else as written. Null: nothing has this name. */
export function resolveName(known: object, pack: string | null, name: string): string | null {
  const local = `${pack}.${name}`;
  if (pack !== null && Object.hasOwn(known, local)) return local;
  return Object.hasOwn(known, name) ? name : null;
}

/** Names of documents, events, upstreams, scopes and variables in a test file that the definition does not know, and names used twice. */
export function checkNames(file: RouteTestFile, definition: Definition, pack: string | null): readonly NameProblem[] {
  const problems: NameProblem[] = [];
  const scopes = Object.fromEntries(definition.auth.scopes.map(({ name }) => [name, true]));
  const variables = Object.fromEntries(definition.env.map((name) => [name, true]));

  function check(kind: string, known: object, name: string, pointer: string): void {
    if (resolveName(known, pack, name) !== null) return;
    const local = Object.keys(known).map((own) => (own.startsWith(`${pack}.`) ? own.slice(`${pack}.`.length) : own));
    const near = nearest(name, local);
    problems.push({
      pointer,
      message: `There is no ${kind} "${name}"`,
      fix: near === null ? null : `Did you mean "${near}"?`,
    });
  }

  function checkPrincipal(principal: TestPrincipal | null | undefined, pointer: string): void {
    (principal?.scopes ?? []).forEach((scope, index) => {
      check('scope', scopes, scope, `${pointer}/scopes/${index}`);
    });
  }

  function checkGiven(given: Given | undefined, pointer: string): void {
    checkPrincipal(given?.principal, `${pointer}/principal`);
    for (const [name, user] of Object.entries(given?.users ?? {})) {
      (user.scopes ?? []).forEach((scope, index) => {
        if (scope !== '*') check('scope', scopes, scope, `${pointer}/users/${name}/scopes/${index}`);
      });
    }
    for (const name of Object.keys(given?.env ?? {})) check('variable', variables, name, `${pointer}/env/${name}`);
    (given?.steps ?? []).forEach(({ request }, index) => {
      checkPrincipal(request.principal, `${pointer}/steps/${index}/request/principal`);
    });
  }

  checkGiven(file.given, '/given');
  const seen = new Set<string>();
  file.tests.forEach((test, index) => {
    const pointer = `/tests/${index}`;
    if (seen.has(test.name)) {
      problems.push({
        pointer: `${pointer}/name`,
        message: `There is a second test "${test.name}"`,
        fix: 'Give each test of a file a name of its own',
      });
    }
    seen.add(test.name);
    checkGiven(test.given, `${pointer}/given`);
    checkPrincipal(test.request.principal, `${pointer}/request/principal`);
    for (const name of Object.keys(test.mocks ?? {})) {
      check('upstream', definition.upstreams, name, `${pointer}/mocks/${name}`);
    }
    const { records = {}, events = [], upstreams = {} } = test.state ?? {};
    for (const name of Object.keys(records)) {
      check('document', definition.documents, name, `${pointer}/state/records/${name}`);
    }
    events.forEach(({ type }, at) => {
      check('event', definition.events, type, `${pointer}/state/events/${at}/type`);
    });
    for (const name of Object.keys(upstreams)) {
      if (test.mocks?.[name] !== undefined) continue;
      const fix = 'Give its answers under "mocks"';
      problems.push({ pointer: `${pointer}/state/upstreams/${name}`, message: `"${name}" is not mocked`, fix });
    }
  });
  return problems;
}
