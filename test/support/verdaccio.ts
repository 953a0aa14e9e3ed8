import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { runProgram } from './run-program.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

export const VERDACCIO_VERSION = '6.10.4';

/**
 * Starts Verdaccio on its own storage in a folder, without uplinks and without a log of requests. Its tokens are signed, so that it need
 * not hash a password for each request. Installs it first where this user has not got it yet.
 */
export async function startVerdaccio(folder: string, wrapper: readonly string[]): Promise<ServerProcess> {
  const program = join(await installVerdaccio(), 'node_modules/verdaccio/bin/verdaccio');
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'config.yaml');
  writeFileSync(config, JSON.stringify(configuration(folder), null, 2));
  const port = await freePort();
  const server = await startServerProcess({
    data: folder,
    cwd: folder,
    command: [...wrapper, process.execPath, program, '--config', config, '--listen', `127.0.0.1:${port}`],
    listening: /http address - (http:\S+)\/ /,
  });
  // It ends by the signal itself.
  return { ...server, stop: async () => void (await server.kill('SIGTERM')) };
}

/** JSON is YAML. */
function configuration(folder: string): object {
  return {
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    security: { api: { legacy: false, jwt: { sign: { expiresIn: '1d' } } } },
    uplinks: {},
    packages: { '**': { access: '$all', publish: '$authenticated', unpublish: '$authenticated' } },
    max_body_size: '100mb',
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'warn', colors: false },
  };
}

/** The folder of this user's cache that has it, filled through the registry that npm is configured for. */
async function installVerdaccio(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'entrepot');
  const folder = join(cache, `verdaccio-${VERDACCIO_VERSION}`);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  // The tag that it asks for is not everywhere.
  const manifest = {
    private: true,
    dependencies: { verdaccio: VERDACCIO_VERSION },
    overrides: { 'node-fetch': '2.7.0' },
  };
  writeFileSync(join(unfinished, 'package.json'), JSON.stringify(manifest));
  const { code, stderr } = await runProgram('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: unfinished,
  });
  if (code !== 0) throw new Error(`Verdaccio cannot be installed:\n${stderr}`);
  if (existsSync(folder)) rmSync(unfinished, { recursive: true });
  else renameSync(unfinished, folder);
  return folder;
}
