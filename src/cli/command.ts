/** Where a command writes and what it sees of the outside. */
export interface CommandContext {
  /** Writes a line of what the person asked for. */
  print(line: string): void;
  /** Writes a line about trouble. */
  complain(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether output may be coloured: it goes to a terminal and NO_COLOR is not set. */
  readonly colours: boolean;
}

/** One verb of the command line. What it needs of the engine it imports when it runs: help and bad options answer at once. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What `--help` shows. */
  readonly help: string;
  /** Resolves to the exit code. Fails with UsageError. */
  run(args: readonly string[], context: CommandContext): Promise<number>;
}

/** The command line is not understood; shown with a hint at `--help`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
