import { matchesGlob } from './glob.js';

/** Hours of the day in which warnings wait, on the clocks of a time zone; the end may lie on the next day. */
export interface QuietHours {
  /** Minutes since midnight. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}

/** Where the alerts of some Heroku apps go. */
export interface RouteRule {
  /** An app's name, in which `*` stands for any characters. */
  readonly app: string;
  readonly channel: string;
  /** Whom criticals call; null: nobody; undefined: whomever they call without a rule. */
  readonly mention: string | null | undefined;
  readonly quiet: QuietHours | null;
}

export interface Route {
  readonly channel: string;
  readonly mention: string | null;
  readonly quiet: QuietHours | null;
}

/** The rules, the first that matches wins, and the route of what none matches. */
export interface Routing {
  readonly rules: readonly RouteRule[];
  readonly otherwise: Route;
}

/** A channel that Slack did not let the app post to, so that what was meant for it went elsewhere. */
export interface RefusedRoute {
  readonly channel: string;
  /** Slack's word for why. */
  readonly because: string;
}

/** Where a message goes, and what was tried before. */
export interface Destination {
  readonly channel: string;
  readonly refused: RefusedRoute | null;
}

export function routeOf(routing: Routing, herokuApp: string): Route {
  const rule = routing.rules.find(({ app }) => matches(app, herokuApp));
  if (rule === undefined) return routing.otherwise;
  const { channel, mention, quiet } = rule;
  return { channel, mention: mention === undefined ? routing.otherwise.mention : mention, quiet };
}

/** Whether every app that `later` matches is matched by `earlier` already, as far as the patterns tell. */
export function covers(earlier: string, later: string): boolean {
  return matches(earlier, later);
}

/** Heroku's app names are in lower case, whatever a rule or another system writes. */
function matches(pattern: string, name: string): boolean {
  return matchesGlob(pattern.toLowerCase(), name.toLowerCase());
}
