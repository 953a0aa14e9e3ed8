import { ALL_ROOTS, type LoadContext, type Model } from '../model.ts';
import { isRemark, type ObjectReader, openObject } from '../object-reader.ts';
import type { Spot } from '../places.ts';
import type { ErrorEntryDefinition, Json } from '../types.ts';

/**
 * An `errors` table: code (or `*`) to answer. Headers and body that an entry leaves out are those of `*`. An entry with a `code` is the
 * name of an error that steps raise under that code; the code's own entry answers it. Its `message` is for the step that raises it to read.
 */
export function readErrors(
  context: LoadContext,
  model: Model,
  owner: ObjectReader,
): Readonly<Record<string, ErrorEntryDefinition>> {
  const table = owner.object('errors');
  if (table !== null) model.errorTables.push(table);
  const entries = owner.map('errors', (json, name, spot) =>
    isRemark(name, json) ? undefined : readEntry(context, model, json, spot),
  );
  const others = entries['*'];
  return Object.fromEntries(
    Object.entries(entries).map(([name, { status, headers, body }]) => [
      name,
      {
        status,
        headers: headers ?? others?.headers ?? {},
        body: body === undefined ? (others?.body ?? null) : body,
      },
    ]),
  );
}

/** An entry as written. */
interface Entry {
  readonly status: number | null;
  readonly headers: ErrorEntryDefinition['headers'] | null;
  readonly body: Json | undefined;
}

function readEntry(context: LoadContext, model: Model, json: Json, spot: Spot): Entry | undefined {
  const reader = openObject(json, spot, context.reporter);
  if (reader === null) return undefined;
  const code = reader.text('code', null);
  const status = reader.has('status') ? reader.integer('status', 500, 100) : null;
  const headers = reader.object('headers');
  const body = reader.any('body');
  const message = reader.text('message', null);
  reader.finish();
  for (const key of ['headers', 'body']) {
    if (!reader.has(key)) continue;
    const value = reader.json[key] ?? null;
    model.loose.push({ kind: 'template', json: value, spot: reader.at(key), names: ['error', ...ALL_ROOTS] });
    if (code === null) continue;
    const trouble = `"${key}" has no effect here: the entry of "${code}" answers`;
    context.reporter.report('SHAPE_INVALID', reader.at(key), trouble, { at: 'key' });
  }
  if (message !== null) model.loose.push({ kind: 'template', json: message, spot: reader.at('message'), names: null });
  return { status, headers, body };
}
