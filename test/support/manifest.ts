import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

const schema = z.object({
  features: z.object({
    unfurl_domains: z.array(z.string()),
    slash_commands: z.array(z.object({ command: z.string(), usage_hint: z.string() })),
    shortcuts: z.array(z.object({ type: z.string(), callback_id: z.string() })),
  }),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }) }),
});

/** What `manifest.yml` asks Slack for: what the stand-in then grants, and nothing else. */
export function readManifest() {
  const manifest = schema.parse(
    parse(readFileSync(fileURLToPath(new URL('../../manifest.yml', import.meta.url)), 'utf8')),
  );
  return {
    scopes: manifest.oauth_config.scopes.bot,
    events: manifest.settings.event_subscriptions.bot_events,
    unfurlDomains: manifest.features.unfurl_domains,
    commands: manifest.features.slash_commands,
    shortcuts: manifest.features.shortcuts,
  };
}
