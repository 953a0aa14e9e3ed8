import type { Ink } from '../inspect/render-route.ts';

const PLAIN: Ink = { strong: (text) => text, faint: (text) => text };
const COLOURED: Ink = {
  strong: (text) => `\u001b[1m${text}\u001b[22m`,
  faint: (text) => `\u001b[2m${text}\u001b[22m`,
};

/** Emphasis on a terminal; none elsewhere. */
export function inkFor(colours: boolean): Ink {
  return colours ? COLOURED : PLAIN;
}
