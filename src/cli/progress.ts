/** One line that says how far a long work is: redrawn in place on a terminal, silent elsewhere. */
export interface Progress {
  update(done: number, total: number, label: string): void;
  /** Takes the line away. */
  end(): void;
}

const BAR_WIDTH = 24;
const LABEL_WIDTH = 48;

export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { update() {}, end() {} };
  return {
    update(done, total, label) {
      const filled = total === 0 ? BAR_WIDTH : Math.round((done / total) * BAR_WIDTH);
      const bar = '#'.repeat(filled) + '-'.repeat(BAR_WIDTH - filled);
      stream.write(`\r\u001b[K[${bar}] ${done}/${total} ${label.slice(0, LABEL_WIDTH)}`);
    },
    end() {
      stream.write('\r\u001b[K');
    },
  };
}
