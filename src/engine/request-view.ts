import type { RequestView } from '../language/frame.ts';
import type { ByteHandle } from '../language/values.ts';
import type { EngineRequest } from './exchange.ts';

/** `request` as pipelines see it; each part is made when somebody first asks for it. */
export class LazyRequestView implements RequestView {
  readonly method: string;
  readonly path: string;
  readonly body: ByteHandle;
  readonly #request: EngineRequest;
  readonly #queryText: string;
  #query: Readonly<Record<string, string>> | null = null;
  #headers: Readonly<Record<string, string>> | null = null;

  constructor(request: EngineRequest, path: string, queryText: string, body: ByteHandle) {
    this.#request = request;
    this.#queryText = queryText;
    this.method = request.method;
    this.path = path;
    this.body = body;
  }

  get query(): Readonly<Record<string, string>> {
    if (this.#query === null) {
      const query: Record<string, string> = Object.create(null);
      for (const [name, value] of new URLSearchParams(this.#queryText)) if (!(name in query)) query[name] = value;
      this.#query = query;
    }
    return this.#query;
  }

  get headers(): Readonly<Record<string, string>> {
    if (this.#headers === null) {
      const headers: Record<string, string> = Object.create(null);
      for (const [name, value] of this.#request.headers) {
        const before = headers[name];
        headers[name] = before === undefined ? value : `${before}, ${value}`;
      }
      this.#headers = headers;
    }
    return this.#headers;
  }

  get url(): string {
    return this.#request.baseUrl + this.#request.target;
  }

  get base_url(): string {
    return this.#request.baseUrl;
  }

  get ip(): string {
    return this.#request.ip;
  }
}
