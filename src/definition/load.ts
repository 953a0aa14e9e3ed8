import { declareNames } from './declare.ts';
import { diskFiles, type FileSource } from './file-source.ts';
import type { Finding } from './findings.ts';
import type { LintContext } from './lint/context.ts';
import { createLintContext } from './lint/create-context.ts';
import { runRules } from './lint/index.ts';
import { keepingOf } from './lint/keeping.ts';
import { rootLists } from './lint/roots.ts';
import { mergeRaw } from './merge-raw.ts';
import type { LoadContext, Model } from './model.ts';
import { createNames } from './names.ts';
import { createMap, type ObjectReader, openObject } from './object-reader.ts';
import { createPlaces, spotOf } from './places.ts';
import { readRegistryFiles } from './read-files.ts';
import { createReporter } from './reporter.ts';
import { readAccess } from './sections/access.ts';
import { readAuth } from './sections/auth.ts';
import { readCaching } from './sections/caching.ts';
import { readEntities, readVersioning } from './sections/entities.ts';
import { readErrors } from './sections/errors.ts';
import { readEvents, readReplication } from './sections/events.ts';
import { readHttp } from './sections/http.ts';
import { readIndexes } from './sections/indexes.ts';
import { readOps } from './sections/ops.ts';
import { packName, readPack } from './sections/pack.ts';
import { readPipelines, readRouteFiles, readRoutes } from './sections/routes.ts';
import { readShaped, SHAPES, warnOfSectionsNotRun } from './sections/shapes.ts';
import { readDocuments, readStores } from './sections/storage.ts';
import { readUpstreams } from './sections/upstreams.ts';
import type { Definition, JsonObject, PackDefinition } from './types.ts';
import type { Vocabulary } from './vocabulary.ts';

export interface Loaded {
  /** Null when there is a finding of severity `error`. Deeply frozen. */
  readonly definition: Definition | null;
  /** Sorted by file, line and column. */
  readonly findings: readonly Finding[];
  /** Absolute path of the registry's folder. */
  readonly root: string;
  /** Files that were read, relative to the root. */
  readonly files: readonly string[];
}

export interface LoadOptions {
  /** Kinds of kv stores that this build can open. */
  readonly availableKvKinds?: readonly string[];
  /** Those of them that can search texts; all by default. */
  readonly fullTextKvKinds?: readonly string[];
  /** Where files are read; the disk by default. */
  readonly files?: FileSource;
}

/**
 * Reads a registry: a folder with `schema.json` and the packs that it names, or one file. Merges all of it into one typed
 * Definition and runs every rule. Trouble of any kind, a missing file too, is a finding; nothing is thrown.
 */
export async function loadDefinition(path: string, vocabulary: Vocabulary, options: LoadOptions = {}): Promise<Loaded> {
  const places = createPlaces();
  const reporter = createReporter(places);
  const { root, files, schema, packs } = await readRegistryFiles(path, places, reporter, options.files ?? diskFiles);
  const reader = schema === null ? null : openObject(schema.json, spotOf(schema.json), reporter);
  if (reader === null) return { definition: null, findings: reporter.findings(), root, files };

  const availableKvKinds = options.availableKvKinds ?? ['memory', 'sqlite', 'pglite', 'postgres'];
  const context: LoadContext = {
    places,
    reporter,
    names: createNames(reporter),
    vocabulary,
    availableKvKinds,
    fullTextKvKinds: options.fullTextKvKinds ?? availableKvKinds,
  };
  const opened = packs.flatMap((pack) => {
    const packReader = openObject(pack.pack.json, spotOf(pack.pack.json), reporter);
    if (packReader === null) return [];
    return [{ reader: packReader, name: packName(context, packReader, pack.folder), routes: pack.routes }];
  });
  reportSameNames(context, opened);
  declareNames(context, reader.json, null);
  for (const pack of opened) declareNames(context, pack.reader.json, pack.name);

  const model = createModel();
  const definition = readSchema(context, model, reader);
  for (const pack of opened) {
    const read = readPack(context, model, pack.reader, pack.name);
    model.packs.push(read);
    readShared(context, model, pack.reader, pack.name);
    pack.reader.finish();
    readRouteFiles(context, model, read, pack.routes);
  }

  let merged: JsonObject | null = null;
  const raw = (): JsonObject => {
    merged ??= mergeRaw(
      reader.json,
      opened.map((pack) => ({ name: pack.name, json: pack.reader.json })),
      model.routes.map((route) => ({ json: route.json, definition: route.definition })),
    );
    return merged;
  };
  const { ops, kvStores, auth, caching } = definition;
  const sections = { ops, kvStores, auth, caching, schema: reader.json, raw };
  const lint = createLintContext(context, model, sections, rootLists(model));
  runRules(lint);
  const findings = reporter.findings();
  if (findings.some((finding) => finding.severity === 'error')) return { definition: null, findings, root, files };
  return { definition: freeze({ ...definition, ...fromModel(model, lint), raw: raw() }), findings, root, files };
}

type Packs = readonly { readonly reader: ObjectReader; readonly name: string }[];

function reportSameNames(context: LoadContext, packs: Packs): void {
  const seen = new Set<string>();
  for (const { name, reader } of packs) {
    if (seen.has(name)) context.reporter.report('DUPLICATE_ID', reader.at('name'), `There is a second pack "${name}"`);
    seen.add(name);
  }
}

function createModel(): Model {
  return {
    packs: [],
    entities: createMap(),
    documents: createMap(),
    schemas: createMap(),
    indexes: createMap(),
    events: createMap(),
    access: new Map(),
    routes: [],
    pipelines: new Map(),
    applyPipelines: [],
    loose: [],
    errorTables: [],
    documentJson: [],
    indexJson: [],
  };
}

/** The sections that only `schema.json` has, and through `readShared` the others. */
function readSchema(context: LoadContext, model: Model, reader: ObjectReader) {
  const storage = reader.child('storage');
  const definition = {
    schemaVersion: reader.requiredText('schema_version'),
    typeId: reader.requiredText('type_id'),
    description: reader.text('description', ''),
    versioning: readVersioning(reader),
    ...readStores(context, storage),
    auth: readAuth(context, reader),
    http: readHttp(context, reader),
    upstreams: readUpstreams(context, model, reader),
    caching: readCaching(context, reader),
    ops: readOps(context, reader),
    errors: readErrors(context, model, reader),
    features: reader.object('features') ?? {},
    env: reader.texts('env'),
    replication: reader.object('replication') ?? {},
    gc: readShaped(context, reader, 'gc', SHAPES.gc),
    invariants: readShaped(context, reader, 'invariants', SHAPES.invariants),
    validation: readShaped(context, reader, 'validation', SHAPES.validation),
    capabilities: readShaped(context, reader, 'capabilities', SHAPES.capabilities),
  };
  // Read in `read-files.ts`.
  reader.any('packs');
  readReplication(context, model, reader);
  readRoutes(context, model, reader);
  readShared(context, model, reader, null, storage);
  reader.finish();
  return definition;
}

/** The sections that `schema.json` and packs have alike. */
function readShared(
  context: LoadContext,
  model: Model,
  reader: ObjectReader,
  pack: string | null,
  storage: ObjectReader | null = reader.child('storage'),
): void {
  readEntities(context, model, reader, pack);
  readDocuments(context, model, storage, pack);
  storage?.finish();
  readIndexes(context, model, reader, pack);
  readPipelines(context, model, reader, pack);
  readEvents(context, model, reader, pack);
  readAccess(context, model, reader, pack);
  reader.object('commands');
  warnOfSectionsNotRun(context, reader);
}

function fromModel(model: Model, lint: LintContext) {
  const pipelines = createMap<Definition['pipelines'][string]>();
  for (const [name, pipeline] of model.pipelines) pipelines[name] = pipeline.definition;
  const applyPipelines = createMap<Definition['applyPipelines'][string]>();
  for (const { name, list } of model.applyPipelines) applyPipelines[name] = list.definitions;
  const packs: readonly PackDefinition[] = model.packs;
  const access = createMap<Definition['access'][string]>();
  for (const { name, rules } of model.access.values())
    access[name] = { name, rules: rules.map(({ definition }) => definition) };
  const { entities, documents, schemas, indexes, events } = model;
  const routes = model.routes.map((route) => {
    const keeping = route.definition.cache === false ? '' : keepingOf(lint, route);
    return typeof keeping === 'string' ? route.definition : { ...route.definition, keeping };
  });
  return { packs, entities, documents, schemas, indexes, events, access, routes, pipelines, applyPipelines };
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) freeze(member);
  return value;
}
