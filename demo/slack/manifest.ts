import { parse } from 'yaml';
import { z } from 'zod';

const schema = z
  .object({
    features: z.object({
      app_home: z.object({ home_tab_enabled: z.boolean().default(false) }).default({ home_tab_enabled: false }),
      unfurl_domains: z.array(z.string()).default([]),
      slash_commands: z.array(z.object({ command: z.string(), usage_hint: z.string() })),
      shortcuts: z.array(z.object({ name: z.string(), type: z.string(), callback_id: z.string() })),
    }),
    oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
    settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()) }) }),
  })
  .transform((manifest) => ({
    scopes: manifest.oauth_config.scopes.bot,
    events: manifest.settings.event_subscriptions.bot_events,
    commands: manifest.features.slash_commands,
    shortcuts: manifest.features.shortcuts,
    unfurlDomains: manifest.features.unfurl_domains,
    homeTab: manifest.features.app_home.home_tab_enabled,
  }));

/** What an app's manifest asks Slack for: nothing else is granted. */
export type Manifest = z.output<typeof schema>;

/** @throws if it isn't a manifest */
export function parseManifest(yaml: string): Manifest {
  return schema.parse(parse(yaml));
}
