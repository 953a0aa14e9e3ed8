import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EngineRun, rowCells, sizeCells, startCells } from './engine/report.ts';
import { filledText, type GrowthRun, growthCells, memoryCells } from './growth-report.ts';
import { type NpmRun, cellsOf as npmCells } from './npm/report.ts';
import { functionCells, layerCells, type ProfileRun } from './profile/report.ts';
import { type RoutesRun, cellsOf as routeCells, transferCells } from './report.ts';
import { cellsOf, fillingText, type StoresRun, verdictText } from './stores-report.ts';
import { verdictsOf } from './stores-targets.ts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/performance.md');

/** The page with the figures of the committed runs in the places that are marked for them; the rest of it is written by hand. */
export function renderedPage(): string {
  let text = readFileSync(PAGE, 'utf8');
  text = filled(text, 'stores', 'stores.json', storesText);
  text = filled(text, 'routes', 'routes.json', routesText);
  text = filled(text, 'growth', 'growth.json', growthText);
  text = filled(text, 'workers', 'workers.json', routesText);
  text = filled(text, 'npm', 'npm.json', npmText);
  text = filled(text, 'engine', 'engine.json', engineText);
  text = filled(text, 'floor', 'engine.json', floorText);
  return filled(text, 'profile', 'profile.json', profileText);
}

/** Writes the page anew. */
export function renderPage(): void {
  writeFileSync(PAGE, renderedPage());
}

/** A place whose run is not there stays as it is. */
function filled<T>(text: string, mark: string, file: string, blockOf: (run: T) => string): string {
  const path = join(ROOT, 'bench/results', file);
  if (!existsSync(path)) return text;
  const block = blockOf(JSON.parse(readFileSync(path, 'utf8')));
  const [begin, end] = [`<!-- ${mark}: rendered by npm run bench -- --render -->`, `<!-- /${mark} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for "${mark}"`);
  return `${text.slice(0, from)}${begin}\n\n${block}\n\n${text.slice(to)}`;
}

function storesText({ machine, adapters }: StoresRun): string {
  const parts = [
    factsText(machine),
    verdictsOf(adapters)
      .map((verdict) => `- ${verdictText(verdict)}`)
      .join('\n'),
  ];
  for (const result of adapters) {
    const when = `Measured from ${result.at} on, when the load was ${result.load}.`;
    parts.push(
      `### ${result.adapter}`,
      `${result.description}. ${when} ${result.fillings.map(fillingText).join('; ')}.`,
      markdownTable(cellsOf(result)),
    );
  }
  return parts.join('\n\n');
}

function routesText({ machine, rows, transfers = [] }: RoutesRun): string {
  const large = transfers.length === 0 ? [] : [markdownTable(transferCells(transfers))];
  return [factsText(machine), markdownTable(routeCells(rows)), ...large].join('\n\n');
}

function growthText(run: GrowthRun): string {
  const filled = run.fillings.map((filling) => `${filledText(filling)}.`).join(' ');
  const tables = [growthCells(run), memoryCells(run)].filter((cells) => cells.length > 0).map(markdownTable);
  return [factsText(run.machine), filled, ...tables].join('\n\n');
}

function npmText(run: NpmRun): string {
  return [factsText(run.machine), markdownTable(npmCells(run))].join('\n\n');
}

function engineText(run: EngineRun): string {
  const tables = [rowCells(run, 'engine'), sizeCells(run), startCells(run)];
  return [factsText(run.machine), ...tables.filter((table) => table.length > 1).map(markdownTable)].join('\n\n');
}

function floorText(run: EngineRun): string {
  return [markdownTable(rowCells(run, 'floor')), ...run.leftOut].join('\n\n');
}

function profileText(run: ProfileRun): string {
  const routes = run.routes.flatMap((route) => [`### ${route.title}`, markdownTable(functionCells(route))]);
  return [factsText(run.machine), markdownTable(layerCells(run)), ...routes].join('\n\n');
}

function factsText(machine: Readonly<Record<string, string>>): string {
  return markdownTable([['run', ''], ...Object.entries(machine)]);
}

/** Cells as a table; all columns but the first are figures. */
function markdownTable(lines: readonly (readonly string[])[]): string {
  const [heading = [], ...rest] = lines;
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = heading.map((_, column) => (column === 0 ? '---' : '--:'));
  return [line(heading), line(rule), ...rest.map(line)].join('\n');
}
