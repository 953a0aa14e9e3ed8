import { grouped } from '../report.ts';
import type { Digest } from './digest.ts';

/** A run as it is kept: `bench/results/profile.json`. */
export interface ProfileRun {
  readonly machine: Readonly<Record<string, string>>;
  readonly routes: readonly ProfiledRoute[];
}

export interface ProfiledRoute extends Digest {
  readonly name: string;
  readonly title: string;
  /** While the profile was taken, which costs some. */
  readonly requestsPerSecond: number;
}

/** Where the time goes by layer, a column for each route. */
export function layerCells({ routes }: ProfileRun): readonly (readonly string[])[] {
  const layers = [...new Set(routes.flatMap((route) => route.layers.map(({ layer }) => layer)))];
  const shareOf = (route: ProfiledRoute, layer: string) =>
    route.layers.find((entry) => entry.layer === layer)?.share ?? 0;
  const sum = (layer: string) => routes.reduce((total, route) => total + shareOf(route, layer), 0);
  const lines = layers
    .toSorted((one, other) => sum(other) - sum(one))
    .map((layer) => [layer, ...routes.map((route) => percent(shareOf(route, layer)))]);
  const heading = routes.map(({ title, requestsPerSecond }) => `${title}, ${grouped(Math.round(requestsPerSecond))}/s`);
  return [['self time', ...heading], ...lines];
}

/** The functions of a route with the most self time. */
export function functionCells({ functions }: ProfiledRoute): readonly (readonly string[])[] {
  return [['', 'self', ''], ...functions.map(({ name, place, share }) => [name, percent(share), place])];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
