const CODES = { red: 31, green: 32, yellow: 33 } as const;

/** The text in a colour, where colours are wanted. */
export function paint(colour: keyof typeof CODES, text: string, colours: boolean): string {
  return colours ? `\u001b[${CODES[colour]}m${text}\u001b[39m` : text;
}
