/** Links to Heroku's dashboard. */

/** Another system may have written any text as an app's name: what can't be a name gets no link. */
const APP_NAME = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/u;

/** The label alone if the name can't be an app's. */
export function appLink(herokuApp: string, label: string): string {
  return dashboardLink(herokuApp, '', label);
}

export function releasesLink(herokuApp: string, label: string): string {
  return dashboardLink(herokuApp, '/activity', label);
}

/** null if the name can't be an app's. */
export function releasesUrl(herokuApp: string): string | null {
  return dashboardUrl(herokuApp, '/activity');
}

function dashboardLink(herokuApp: string, page: string, label: string): string {
  const url = dashboardUrl(herokuApp, page);
  return url === null ? label : `<${url}|${label} ↗>`;
}

function dashboardUrl(herokuApp: string, page: string): string | null {
  return APP_NAME.test(herokuApp) ? `https://dashboard.heroku.com/apps/${herokuApp}${page}` : null;
}
