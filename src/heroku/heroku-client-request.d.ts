/** The part of heroku-client 3.1.4's lib/request.js that we build on; its published types don't export it. */
declare module 'heroku-client/lib/request.js' {
  import type { ClientRequest, IncomingMessage } from 'node:http';

  class Request {
    constructor(options: object);
    readonly secure: boolean;
    /** Node's, or a proxy's tunnel. */
    agent: unknown;
    request(): Promise<unknown>;
    handleResponse(response: IncomingMessage): void;
    handleError(error: Error): void;
    logRequest(request: ClientRequest): void;
    logResponse(response: IncomingMessage): void;
    setRequestTimeout(request: ClientRequest): void;
  }
  export = Request;
}
