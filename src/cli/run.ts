import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Definition, RouteDefinition } from '../definition/types.ts';
import type { TracedStep } from '../inspect/trace.ts';
import type { TriedRequest, TriedResponse } from '../run-request.ts';
import { readArguments } from './arguments.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { inkFor } from './ink.ts';
import { readInspected } from './inspected.ts';
import { defaultRegistry } from './package.ts';
import { createRedactor } from './redact.ts';

const HELP = `Usage: entrepot run ROUTE [DIR|FILE] [options]

Makes one request to a route in this process, without a server, and prints the
answer. The registry is a throw-away one in memory, unless --data names one. With
--trace each step is shown as it ran: what it bound, what it asked of the stores,
and how long it took.

  entrepot run publish_artifact --as ann:write --body hello.tgz --trace \\
    --param namespace=acme --param name=hello --param version=1.0.0 --param variant=any

ROUTE is a route's id; "entrepot routes" lists them.

Options:
  --param NAME=VALUE   a path parameter; all of them are needed
  --method METHOD      for routes of several methods; default: the first
  --query NAME=VALUE   a query parameter
  --header NAME=VALUE  a request header
  --body FILE|-        the body; - reads the standard input
  --as USER[:SCOPES]   who makes the request: a name, and its scopes with commas
                       between them (all, where none are given). Nobody checks it.
                       Without it the request is anonymous
  --data DIR           runs on this data folder: what is written stays
  --trace              show each step
  --json               print { request, status, headers, body, ms, steps }; a body
                       that is not text is in body_base64
  -h, --help           show this text

Exit code: 0 when the answer's status is below 400, else 1.`;

const LIST = { type: 'string', multiple: true } as const;

export const run: Command = {
  name: 'run',
  summary: 'make one request to a route, and show each step',
  help: HELP,
  async run(args, context) {
    const { values, positionals } = readArguments(
      args,
      {
        param: LIST,
        method: { type: 'string' },
        query: LIST,
        header: LIST,
        body: { type: 'string' },
        as: { type: 'string' },
        data: { type: 'string' },
        trace: { type: 'boolean' },
        json: { type: 'boolean' },
      },
      2,
    );
    const [id, path = defaultRegistry()] = positionals;
    if (id === undefined) throw new UsageError('Which route? Give its id');
    const params = Object.fromEntries(pairs(values.param, '--param'));
    const query = pairs(values.query, '--query');
    const headers = pairs(values.header, '--header').map(([name, value]) => [name.toLowerCase(), value] as const);
    const inspected = await readInspected(path, context);
    if (inspected === null) return 1;
    const { definition, vocabulary } = inspected;
    const route = definition.routes.find((entry) => entry.id === id);
    if (route === undefined) {
      context.complain(
        `There is no route "${id}". There are: ${definition.routes.map((entry) => entry.id).join(', ')}`,
      );
      return 1;
    }
    const [{ tryRequest }, { createTrace }] = await Promise.all([
      import('../run-request.ts'),
      import('../inspect/trace.ts'),
    ]);
    const trace = values.trace || values.json ? createTrace() : null;
    const answer = await tryRequest(definition, vocabulary, {
      route,
      method: methodOf(route, values.method),
      params,
      query,
      headers,
      body: values.body === undefined ? null : await readBody(values.body),
      principal: values.as === undefined ? null : principalOf(values.as, definition),
      data: values.data ?? null,
      env: context.env,
      trace,
    });
    if (values.json) printJson(answer, trace?.steps ?? [], context);
    else await printAnswer(answer, trace?.steps ?? null, context);
    return answer.status < 400 ? 0 : 1;
  },
};

/** HEAD comes with GET. */
function methodOf({ methods }: RouteDefinition, asked: string | undefined): string {
  const known = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  const method = asked ?? known[0] ?? 'GET';
  if (!known.includes(method)) throw new UsageError(`The route answers ${known.join(', ')}, not "${method}"`);
  return method;
}

function pairs(given: readonly string[] = [], option: string): readonly (readonly [string, string])[] {
  return given.map((text) => {
    const equals = text.indexOf('=');
    if (equals < 1) throw new UsageError(`${option} takes NAME=VALUE, not "${text}"`);
    return [text.slice(0, equals), text.slice(equals + 1)];
  });
}

async function readBody(name: string): Promise<Uint8Array> {
  if (name === '-') return buffer(process.stdin);
  try {
    return await readFile(name);
  } catch (thrown) {
    throw new UsageError(`The body cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

function principalOf(text: string, { auth }: Definition): TriedRequest['principal'] {
  const [sub = '', given] = text.split(':', 2);
  const declared = auth.scopes.map(({ name }) => name);
  const scopes = given === undefined ? declared : given.split(',').filter((scope) => scope !== '');
  const unknown = scopes.find((scope) => !declared.includes(scope));
  if (sub === '') throw new UsageError('--as takes USER or USER:SCOPE,SCOPE');
  if (unknown !== undefined) {
    throw new UsageError(`There is no scope "${unknown}". There are: ${declared.join(', ') || 'none'}`);
  }
  return { sub, scopes, roles: [], org: null };
}

async function printAnswer(
  answer: TriedResponse,
  steps: readonly TracedStep[] | null,
  { print, complain, colours, env }: CommandContext,
): Promise<void> {
  const ink = inkFor(colours);
  if (answer.generatedAdminPassword !== null) {
    complain(`Made the user admin with the password ${answer.generatedAdminPassword} (shown only this once)`);
  }
  if (steps !== null) {
    const { renderTrace } = await import('../inspect/render-trace.ts');
    print(ink.strong(`${answer.method} ${answer.target}`));
    print(createRedactor(env).line(renderTrace(steps, ink)));
    print('');
  }
  print(ink.strong(`${answer.status} in ${answer.tookMs.toFixed(2)} ms`));
  for (const [name, value] of answer.headers) print(`${ink.faint(`${name}:`)} ${value}`);
  const text = textOf(answer.body);
  if (answer.body.byteLength === 0) return;
  print('');
  print(text ?? `(${answer.body.byteLength} bytes that are not text)`);
}

function printJson(answer: TriedResponse, steps: readonly TracedStep[], { print, env }: CommandContext): void {
  const { method, target, status, headers, body, tookMs } = answer;
  const text = textOf(body);
  const shown = text === null ? { body_base64: Buffer.from(body).toString('base64') } : { body: text };
  const traced = JSON.parse(createRedactor(env).line(JSON.stringify(steps.map(stepJson))));
  print(JSON.stringify({ request: { method, target }, status, headers, ...shown, ms: tookMs, steps: traced }, null, 2));
}

function stepJson({ tookMs, calls, ...step }: TracedStep): object {
  return { ...step, ms: tookMs, calls: calls.map(({ tookMs: ms, ...call }) => ({ ...call, ms })) };
}

function textOf(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}
