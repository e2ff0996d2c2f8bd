import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './processes.js';

/** Procfile's environment and Node options for the app; bare apps get the same. */
export interface Deployment {
  readonly environment: Readonly<Record<string, string>>;
  readonly nodeOptions: readonly string[];
}

export const DEPLOYMENT = read(readFileSync(path.join(ROOT, 'Procfile'), 'utf8'));

function read(procfile: string): Deployment {
  const [, variables, options] = /^web: ((?:\w+=\S+ )*)node ((?:--\S+ )*)\S+\.js start$/mu.exec(procfile) ?? [];
  if (variables === undefined || options === undefined) throw new Error('Procfile starts the app in an unknown way.');
  const environment = words(variables).map((word): [string, string] => {
    const [name = '', ...value] = word.split('=');
    return [name, value.join('=')];
  });
  return { environment: Object.fromEntries(environment), nodeOptions: words(options) };
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}
