import { matchesGlob } from './glob.js';

/** Hours in which warnings wait, in a time zone; the end may be on the next day. */
export interface QuietHours {
  /** Minutes since midnight. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}

export interface RouteRule {
  /** An app's name; `*` stands for any characters. */
  readonly app: string;
  readonly channel: string;
  /** Whom criticals mention; null: nobody; undefined: as without a rule. */
  readonly mention: string | null | undefined;
  /** The routing key for paging; null: don't page; undefined: as without a rule. */
  readonly page?: string | null | undefined;
  readonly quiet: QuietHours | null;
}

export interface Route {
  readonly channel: string;
  readonly mention: string | null;
  /** The pager's routing key, a secret; null: don't page. */
  readonly page: string | null;
  readonly quiet: QuietHours | null;
}

/** The first rule that matches wins; `otherwise` if none does. */
export interface Routing {
  readonly rules: readonly RouteRule[];
  readonly otherwise: Route;
}

/** A channel where Slack didn't let the app post, so the message went elsewhere. */
export interface RefusedRoute {
  readonly channel: string;
  /** Slack's error code. */
  readonly because: string;
}

/** Where a message goes, and which channel refused it before. */
export interface Destination {
  readonly channel: string;
  readonly refused: RefusedRoute | null;
}

export function routeOf(routing: Routing, herokuApp: string): Route {
  const rule = routing.rules.find(({ app }) => matches(app, herokuApp));
  if (rule === undefined) return routing.otherwise;
  const { channel, mention, page, quiet } = rule;
  const { otherwise } = routing;
  return {
    channel,
    mention: mention === undefined ? otherwise.mention : mention,
    page: page === undefined ? otherwise.page : page,
    quiet,
  };
}

/**
 * Asks once for each app and remembers the answer: thousands of promotions may be of a few apps, and finding a route
 * takes longer than all else that is decided about one.
 */
export function oncePerApp<T>(ask: (herokuApp: string) => T): (herokuApp: string) => T {
  const answers = new Map<string, { readonly answer: T }>();
  return (herokuApp) => {
    const known = answers.get(herokuApp);
    if (known !== undefined) return known.answer;
    const answer = ask(herokuApp);
    answers.set(herokuApp, { answer });
    return answer;
  };
}

/** Whether `earlier` already matches every app that `later` does, as far as the patterns show. */
export function covers(earlier: string, later: string): boolean {
  return matches(earlier, later);
}

/** Heroku's app names are in lower case, whatever a rule or another system writes. */
function matches(pattern: string, name: string): boolean {
  return matchesGlob(pattern.toLowerCase(), name.toLowerCase());
}
