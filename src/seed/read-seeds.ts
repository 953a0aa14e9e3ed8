import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import type { Frame, Scope } from '../language/frame.ts';
import { parseJson } from '../language/json.ts';
import { compileTemplate, parseTemplate } from '../language/template.ts';
import { type Content, readContent } from './content.ts';

/** One request that a seed makes. */
export interface SeedRequest {
  /** File it stands in, for messages. */
  readonly file: string;
  /** What a person is told that it does. */
  readonly label: string;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  body(): Promise<Uint8Array | null>;
  /** Statuses, beside 2xx, that say that it was done before. */
  readonly accept: readonly number[];
}

interface Step {
  readonly label?: unknown;
  readonly request: {
    readonly method: string;
    readonly path: unknown;
    readonly headers?: unknown;
    readonly body?: unknown;
  };
  readonly accept?: readonly number[];
  readonly items?: readonly Readonly<Record<string, unknown>>[];
}

const MAX_SEED_BYTES = 64 * 1024 * 1024;

/**
 * Reads seeds: a file, or every `*.json` of a folder in byte order of their names. A seed is a list of steps; a step is a request, made once
 * for each of its items, whose members its templates may name.
 * Fails with DEFINITION_INVALID, naming the file.
 */
export async function readSeeds(path: string): Promise<readonly SeedRequest[]> {
  const files = await seedFiles(resolve(path));
  const requests: SeedRequest[] = [];
  for (const file of files) requests.push(...(await readSeed(file)));
  return requests;
}

async function seedFiles(path: string): Promise<readonly string[]> {
  try {
    const names = await readdir(path);
    return names
      .filter((name) => name.endsWith('.json'))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return [path];
    throw new RegistryError('DEFINITION_INVALID', { message: `There are no seeds at ${path}`, cause: error });
  }
}

async function readSeed(file: string): Promise<readonly SeedRequest[]> {
  try {
    const seed = parseJson(await readFile(file), { maxBytes: MAX_SEED_BYTES, maxDepth: 64 }) as {
      steps?: readonly Step[];
    };
    if (!Array.isArray(seed.steps)) throw new Error('"steps" must be a list');
    return (seed.steps as readonly Step[]).flatMap((step) =>
      (step.items ?? [{}]).map((item) => toRequest(file, step, item)),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RegistryError('DEFINITION_INVALID', { message: `${basename(file)}: ${message}` });
  }
}

function toRequest(file: string, step: Step, item: Readonly<Record<string, unknown>>): SeedRequest {
  const { method, path, headers = {}, body = null } = step.request;
  const fill = (json: unknown) => evaluate(json, item);
  const target = String(evaluate(path, item, encodeURIComponent));
  const content = fill(body) as Content | null;
  return {
    file: basename(file),
    label: step.label === undefined ? `${method} ${target}` : String(fill(step.label)),
    method,
    target,
    headers: Object.fromEntries(
      Object.entries(fill(headers) as Record<string, unknown>)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => [name, String(value)]),
    ),
    body: async () => (content === null ? null : readContent(content, dirname(file))),
    accept: step.accept ?? [],
  };
}

/** A template over the members of one item. */
function evaluate(
  json: unknown,
  item: Readonly<Record<string, unknown>>,
  encode: ((text: string) => string) | null = null,
): unknown {
  const template = parseTemplate(json);
  const problem = template.problems[0];
  if (problem !== undefined) throw new Error(problem.message);
  const names = Object.keys(item);
  const scope: Scope = {
    slotOf(name) {
      const slot = names.indexOf(name);
      if (slot === -1) throw new Error(`an item has no "${name}"`);
      return slot;
    },
    hidden() {
      throw new Error('expressions are not understood in seeds');
    },
  };
  const values = Object.values(item);
  const slots = encode === null ? values : values.map((value) => (typeof value === 'string' ? encode(value) : value));
  return compileTemplate(template, scope).evaluate({ ...NOTHING, slots } as Frame);
}

const NOTHING = { request: {}, principal: {}, route: {}, registry: {}, env: {} };
