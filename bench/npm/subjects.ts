import { join } from 'node:path';
import { loginTo, type NpmServerKind } from '../../test/support/npm-servers.ts';
import { type Cores, onServerCore } from '../cores.ts';
import type { Subject } from '../subjects.ts';
import { publishDocument } from './documents.ts';

const USER = 'bench';
const PASSWORD = 'a password for the bench';

/** Where a server keeps everything, and how it is started there. */
export interface NpmPlace {
  readonly kind: NpmServerKind;
  readonly folder: string;
  readonly cores: Cores | null;
  /** What is run of Entrepot; null: this checkout. */
  readonly program: string | null;
}

export function placeOf(
  kind: NpmServerKind,
  folder: string,
  name: string,
  cores: Cores | null,
  program: string | null = null,
): NpmPlace {
  return { kind, folder: join(folder, name), cores, program };
}

/** A registry whose `url` ends in a slash; its user may publish. */
export async function startNpm(place: NpmPlace, isNew: boolean, registry?: string): Promise<Subject> {
  const server = await startAt(place, registry);
  try {
    if (isNew) await server.addUser(USER, PASSWORD);
    return {
      name: place.kind.name,
      url: server.url,
      pid: server.process.pid,
      authorization: `Bearer ${await loginTo(server.url, USER, PASSWORD)}`,
      stop: server.process.stop,
    };
  } catch (error) {
    await server.process.stop();
    throw error;
  }
}

/** Milliseconds from the start of the process to the first packument that it gives. */
export async function startingMs(place: NpmPlace, name: string): Promise<number> {
  const startedAt = performance.now();
  const server = await startAt(place);
  try {
    const response = await fetch(server.url + name);
    await response.arrayBuffer();
    const elapsedMs = performance.now() - startedAt;
    if (response.status !== 200) throw new Error(`${place.kind.name} has lost ${name}: ${response.status}`);
    return elapsedMs;
  } finally {
    await server.process.stop();
  }
}

function startAt({ kind, folder, cores, program }: NpmPlace, registry?: string) {
  return kind.start({
    folder,
    wrapper: onServerCore(cores),
    ...(program === null ? {} : { program }),
    ...(registry === undefined ? {} : { registry }),
  });
}

/** The path of what is below the registry's URL. */
export function pathOf(subject: Subject, below: string): string {
  return new URL(below, subject.url).pathname;
}

/** Publishes a version. Throws when it is refused. */
export async function publish(subject: Subject, name: string, version: string): Promise<void> {
  const response = await fetch(subject.url + name, {
    method: 'PUT',
    headers: publishHeaders(subject),
    body: publishDocument(name, version),
  });
  const text = await response.text();
  if (response.status !== 201)
    throw new Error(`${subject.name} refused ${name} ${version}: ${response.status} ${text}`);
}

export function publishHeaders(subject: Subject): Record<string, string> {
  return { authorization: subject.authorization ?? '', 'content-type': 'application/json' };
}
