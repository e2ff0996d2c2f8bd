import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EVENT_SCOPES, METHOD_SCOPES } from '../demo/slack/scopes.js';
import { BOT_SCOPES } from '../src/slack/inspection.js';
import { SUBCOMMANDS } from '../src/views/help.js';
import { COMMAND, EVENTS, SHORTCUT } from '../src/views/ids.js';
import { readManifest } from './support/manifest.js';
import { manifestLinks, readProjectFile, withManifestLinks } from './support/manifest-links.js';

/** The Web API methods that the code calls, read from the only folder that may call them. */
function methodsCalled(): string[] {
  const folder = path.resolve(__dirname, '../src/slack');
  const sources = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), 'utf8'));
  const calls = sources.flatMap((source) => [...source.matchAll(/client\.(\w+)\.(\w+)\(/gu)]);
  return [...new Set(calls.map(([, group, method]) => `${group}.${method}`))];
}

describe('manifest.yml asks for what the code uses, and for nothing else', () => {
  const manifest = readManifest();
  const subscriptions = EVENTS.flatMap((type): string[] =>
    type === 'message' ? ['message.channels', 'message.groups'] : [type],
  );

  test('events', () => {
    expect([...manifest.events].sort()).toEqual([...subscriptions].sort());
  });

  test('scopes', () => {
    const methods = methodsCalled();
    expect(methods).toContain('chat.postMessage');
    const ofMethods = methods.map((method) => {
      if (!(method in METHOD_SCOPES)) throw new Error(`The stand-in knows no scope for ${method}.`);
      return METHOD_SCOPES[method] ?? null;
    });
    const ofEvents = subscriptions.map((event) => EVENT_SCOPES[event] ?? null);
    const needed = new Set(['commands', ...ofMethods, ...ofEvents].filter((scope) => scope !== null));
    expect([...manifest.scopes].sort()).toEqual([...needed].sort());
    // What doctor looks for.
    expect([...BOT_SCOPES].sort()).toEqual([...needed].sort());
  });

  test('command, its words, and shortcuts', () => {
    expect(manifest.commands.map(({ command }) => command)).toEqual([COMMAND]);
    for (const { usage } of SUBCOMMANDS)
      expect(manifest.commands[0]?.usage_hint).toContain(usage.replace(/\[https.*\]/u, '[link]'));
    const shortcuts = manifest.shortcuts.map(({ type, callback_id }) => ({ type, callback_id }));
    expect(shortcuts).toEqual([{ type: 'message', callback_id: SHORTCUT.linkAsRca }]);
  });

  test('the install guide’s links open it filled in; `npm run manifest:links` brings them up to it', () => {
    const guide = readProjectFile('docs/install.md');
    expect(guide).toBe(withManifestLinks(guide, manifestLinks(readProjectFile('manifest.yml'))));
  });
});
