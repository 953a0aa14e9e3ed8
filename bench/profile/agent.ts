import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/*
 * Loaded into a server before everything else: SIGUSR2 begins a profile of its main thread, the next one ends it and leaves it in
 * `PROFILE_FOLDER`, as `1.cpuprofile` and so on.
 */

const SAMPLE_EVERY_US = 200;

if (isMainThread) {
  const folder = process.env.PROFILE_FOLDER ?? '.';
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_US });
  let running = false;
  let count = 0;
  process.on('SIGUSR2', () => {
    running = !running;
    void (running ? session.post('Profiler.start') : leave());
  });
  const leave = async () => {
    const { profile } = await session.post('Profiler.stop');
    const path = join(folder, `${++count}.cpuprofile`);
    writeFileSync(`${path}.part`, JSON.stringify(profile));
    // Whoever waits for it finds it whole.
    renameSync(`${path}.part`, path);
  };
}
