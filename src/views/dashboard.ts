/* Where Heroku's own dashboard shows an app. */

/** Another system may have written any text as an app's name: what can't be one is no address. */
const APP_NAME = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/u;

/** A link to the app; its label alone where the name is no app's. */
export function appLink(herokuApp: string, label: string): string {
  return dashboardLink(herokuApp, '', label);
}

/** A link to the app's releases. */
export function releasesLink(herokuApp: string, label: string): string {
  return dashboardLink(herokuApp, '/activity', label);
}

function dashboardLink(herokuApp: string, page: string, label: string): string {
  return APP_NAME.test(herokuApp) ? `<https://dashboard.heroku.com/apps/${herokuApp}${page}|${label} ↗>` : label;
}
