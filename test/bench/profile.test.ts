import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { digestOf } from '../../bench/profile/digest.ts';
import { ROOT } from '../house/source-files.ts';

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url, scriptId: '0', lineNumber: 9, columnNumber: 0 },
  children,
});
const here = (path: string) => pathToFileURL(join(ROOT, path)).href;

/** One microsecond of each sample that is named. */
const profile = (samples: number[]) => ({
  startTime: 0,
  endTime: samples.length,
  samples,
  timeDeltas: samples.map(() => 1),
  nodes: [
    node(1, '(root)', '', [2, 3, 4, 8]),
    node(2, '(idle)', ''),
    node(3, 'post', 'node:inspector'),
    node(4, 'onRequest', here('src/http/server.ts'), [5]),
    node(5, 'row', here('src/adapters/record-store/sqlite-statement.ts'), [6]),
    node(6, '', ''),
    node(8, 'afterWrite', 'node:net', [9]),
    node(9, 'writev', ''),
  ],
});

test('self time is added up by layer and by function, without idling and without the profile itself', () => {
  const { layers, functions } = digestOf(profile([2, 2, 3, 4, 5, 5, 6, 6, 6, 9, 9, 9, 9]), 2);

  expect(layers).toEqual([
    { layer: 'Node: sockets and streams', share: 0.4 },
    { layer: 'SQLite', share: 0.3 },
    { layer: 'src/adapters: record store', share: 0.2 },
    { layer: 'src/http', share: 0.1 },
  ]);
  expect(functions.map(({ name, place }) => [name, place])).toEqual([
    ['writev', 'native, called in node:net'],
    ['(native)', 'native, called in src/adapters/record-store/sqlite-statement.ts'],
  ]);
});

test('functions are named by the file and line where they begin', () => {
  const { functions } = digestOf(profile([4]), 1);

  expect(functions).toEqual([{ name: 'onRequest', place: 'src/http/server.ts:10', layer: 'src/http', share: 1 }]);
});
