/** The part of heroku-client 3.1.4's lib/request.js that we build on; its published types don't export it. */
declare module 'heroku-client/lib/request.js' {
  class Request {
    /** Sends what its fields say, by the agent in them, and hands on what becomes of it to its own methods. */
    request(): Promise<unknown>;
  }
  export = Request;
}
