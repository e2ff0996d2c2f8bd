import { z } from 'zod';
import { program, run } from './processes.js';

/** The stand-in that answers at once, in its own process. */
export interface BenchHeroku {
  /** For an app that uses it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly url: string;
  /** When the next first request about an app came, by `clockNow`. */
  firstRequest(app: string): Promise<number>;
  requests(): Promise<number>;
  stop(): Promise<void>;
}

/** Milliseconds on a clock shared by all processes of this machine. */
export const clockNow = (): number => performance.timeOrigin + performance.now();

const heard = z.union([z.object({ app: z.string(), at: z.number() }), z.object({ requests: z.number() })]);
const announced = z.object({ port: z.number() });

export async function startHeroku(): Promise<BenchHeroku> {
  const running = await run(program('standins/heroku.js'), [], {}, /^\{.*\}$/mu);
  const { port } = announced.parse(JSON.parse(running.said[0]));
  const url = `http://127.0.0.1:${port}`;
  const waiting = new Map<string, (at: number) => void>();
  const counting: ((requests: number) => void)[] = [];
  running.onMessage((message) => {
    const said = heard.parse(message);
    if ('requests' in said) {
      counting.shift()?.(said.requests);
      return;
    }
    waiting.get(said.app)?.(said.at);
    waiting.delete(said.app);
  });
  return {
    environment: { HEROKU_API_URL: url, HEROKU_API_KEY: 'bench' },
    url,
    firstRequest: (app) => new Promise((resolve) => waiting.set(app, resolve)),
    requests: () =>
      new Promise((resolve) => {
        counting.push(resolve);
        running.tell('count');
      }),
    stop: () => running.stop(),
  };
}
