import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { licencesOf } from './licences.ts';

/** Builds `dist/`: what the package runs. */

const DIST = join(import.meta.dirname, '..', 'dist');

rmSync(DIST, { recursive: true, force: true });
mkdirSync(DIST);
const modules = await bundle(DIST, { entrepot: 'src/cli/main.ts', worker: 'src/cli/worker.ts' });
writeFileSync(join(DIST, 'LICENSES.txt'), licencesOf(modules));
