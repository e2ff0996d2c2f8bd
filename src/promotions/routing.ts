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

/** No regular expression: the name is another system's, and of whatever length. */
function matches(pattern: string, name: string): boolean {
  const lower = name.toLowerCase();
  const [start = '', ...others] = pattern.toLowerCase().split('*');
  const end = others.pop();
  if (end === undefined) return lower === start;
  if (!lower.startsWith(start)) return false;
  let position = start.length;
  for (const part of others) {
    const found = lower.indexOf(part, position);
    if (found === -1) return false;
    position = found + part.length;
  }
  return lower.length - end.length >= position && lower.endsWith(end);
}
