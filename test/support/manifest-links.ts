import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** Slack opens "create an app" with a manifest from an address (https://docs.slack.dev/app-manifests). */
const NEW_APP = 'https://api.slack.com/apps?new_app=1&manifest_json=';

const manifest = z.looseObject({
  features: z.looseObject({ slash_commands: z.array(z.looseObject({ url: z.string() })) }),
  settings: z.looseObject({
    event_subscriptions: z.looseObject({ request_url: z.string() }),
    interactivity: z.looseObject({ request_url: z.string() }),
  }),
});

export interface ManifestLinks {
  readonly http: string;
  readonly socket: string;
}

/** Links that fill in manifest.yml: as it is, and for Socket Mode, which takes no address. */
export function manifestLinks(yaml: string): ManifestLinks {
  const whole = manifest.parse(parse(yaml));
  const { features, settings } = whole;
  const { request_url: _events, ...events } = settings.event_subscriptions;
  const { request_url: _clicks, ...interactivity } = settings.interactivity;
  const socket = {
    ...whole,
    features: { ...features, slash_commands: features.slash_commands.map(({ url: _url, ...command }) => command) },
    settings: { ...settings, event_subscriptions: events, interactivity, socket_mode_enabled: true },
  };
  return { http: linkTo(whole), socket: linkTo(socket) };
}

function linkTo(filledIn: unknown): string {
  // A round bracket would end a link in Markdown.
  const json = encodeURIComponent(JSON.stringify(filledIn)).replaceAll('(', '%28').replaceAll(')', '%29');
  return `${NEW_APP}${json}`;
}

/** docs/install.md with its two links updated to the manifest. @throws if it has no such links */
export function withManifestLinks(guide: string, links: ManifestLinks): string {
  return Object.entries(links).reduce((text, [name, link]) => {
    const definition = new RegExp(`^\\[slack-app-${name}\\]: .*$`, 'mu');
    if (!definition.test(text)) throw new Error(`docs/install.md has no link slack-app-${name}.`);
    return text.replace(definition, () => `[slack-app-${name}]: ${link}`);
  }, guide);
}

const file = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
export const readProjectFile = (name: string): string => readFileSync(file(name), 'utf8');

/** `npm run manifest:links`, after a change of manifest.yml. */
if (process.argv.includes('--write')) {
  writeFileSync(
    file('docs/install.md'),
    withManifestLinks(readProjectFile('docs/install.md'), manifestLinks(readProjectFile('manifest.yml'))),
  );
}
