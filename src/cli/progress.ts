/** One line that says how far a long work is: redrawn in place on a terminal, silent elsewhere. */
export interface Progress {
  /** A total of 0: nobody knows it. */
  update(done: number, total: number, label: string): void;
  /** Takes the line away. */
  end(): void;
}

const BAR_WIDTH = 24;
const LABEL_WIDTH = 48;
const REDRAW_MS = 50;

export function createProgress(stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { update() {}, end() {} };
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    update(done, total, label) {
      // More often than anybody sees would only cost time.
      if (done !== total && performance.now() - drawnAt < REDRAW_MS) return;
      drawnAt = performance.now();
      const filled = total === 0 ? 0 : Math.min(BAR_WIDTH, Math.round((done / total) * BAR_WIDTH));
      const bar = total === 0 ? '' : `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] `;
      const count = total === 0 ? `${done}` : `${done}/${total}`;
      stream.write(`\r\u001b[K${bar}${count} ${label.slice(0, LABEL_WIDTH)}`);
    },
    end() {
      stream.write('\r\u001b[K');
    },
  };
}
