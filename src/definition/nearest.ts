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

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
