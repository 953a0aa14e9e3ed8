import { editDistance } from '../shared/edit-distance.ts';

/**
 * The candidate that a misspelt name most likely meant, or null. At most a third of the name's letters may differ
 * (Damerau-Levenshtein, adjacent letters swapped count once); of equals the first counts.
 */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  const bound = Math.max(1, Math.floor(name.length / 3));
  let best: string | null = null;
  let bestDistance = bound + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** A sentence that names the nearest candidate, or lists the candidates when they are few, or null. */
export function suggest(name: string, candidates: readonly string[]): string | null {
  const close = nearest(name, candidates);
  if (close !== null) return `Did you mean "${close}"?`;
  if (candidates.length === 0 || candidates.length > 8) return null;
  return `Known: ${candidates.map((candidate) => `"${candidate}"`).join(', ')}`;
}
