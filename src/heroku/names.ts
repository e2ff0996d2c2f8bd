/**
 * Heroku's limit in bytes for all config vars of an app together, names and values.
 * https://devcenter.heroku.com/articles/config-vars#config-var-policies
 */
export const CONFIG_VARS_MAX_BYTES = 32_768;

/** True for what Heroku's API accepts as a config var's name: letters, digits and `_`. */
export function isConfigVarName(name: string): boolean {
  return /^[A-Za-z0-9_]{1,256}$/.test(name);
}

/** True for what Heroku accepts as an app's name: 3 to 30 lower-case letters, digits and dashes, a letter first. */
export function isAppName(name: string): boolean {
  return /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/.test(name);
}
