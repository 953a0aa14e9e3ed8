import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { filesBelow, ROOT } from './source-files.ts';

/** The modules of Node's own that a thread has loaded once it has loaded `file`, which ends for want of what it is to work with. */
async function loadedBy(file: string): Promise<readonly string[]> {
  const script = `import(${JSON.stringify(pathToFileURL(join(ROOT, file)).href)}).catch((error) => {
    require('node:worker_threads').parentPort.postMessage({ message: error.message, modules: process.moduleLoadList });
  });`;
  const { message, modules } = await new Promise<{ message: string; modules: string[] }>((resolve, reject) => {
    new Worker(script, { eval: true }).once('message', resolve).once('error', reject);
  });
  expect(message).toContain('workerData');
  return modules;
}

describe('a thread', () => {
  it.each(filesBelow('src', '-thread.ts'))('of %s finds its types stripped (see keepCompiledCode)', async (file) => {
    const modules = await loadedBy(file);
    expect(modules).toContain('Internal Binding worker');
    expect(modules.filter((module) => module.includes('amaro'))).toEqual([]);
  });
});
