/** The part of heroku-client 3.1.4's lib/request.js that we build on; its published types don't export it. */
declare module 'heroku-client/lib/request.js' {
  class Request {
    /** Sends what its fields say with their agent, and passes the result to its own methods. */
    request(): Promise<unknown>;
  }
  export = Request;
}
