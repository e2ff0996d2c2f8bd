import { z } from 'zod';
import { herokuSwitch, personKey } from './snapshot.js';

/** What the page can do: each is a JSON POST to `/act`. */

const as = personKey;
const id = z.string().min(1).max(300);
const text = z.string().max(4_000);
/** By block id: text, or the chosen option's value, or the ticked ones. */
const value = z.union([z.string().max(4_000), z.array(z.string().max(300)).max(100)]);
const values = z.record(z.string().max(300), value);
export type Entered = z.output<typeof values>;

const place = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('message'), channel: id, ts: id }),
  z.strictObject({ kind: z.literal('ephemeral'), id }),
  /** `values`: what is entered in the modal's fields at that time. */
  z.strictObject({ kind: z.literal('modal'), id, values }),
  z.strictObject({ kind: z.literal('home') }),
]);
export type Place = z.output<typeof place>;

export const act = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('command'), as, channel: id, text }),
  z.strictObject({ do: z.literal('say'), as, channel: id, threadTs: id.nullable(), text: text.min(1) }),
  z.strictObject({ do: z.literal('click'), as, place, actionId: id, value: value.nullable() }),
  z.strictObject({ do: z.literal('submit'), as, viewId: id, values }),
  z.strictObject({ do: z.literal('close'), as, viewId: id }),
  z.strictObject({ do: z.literal('shortcut'), as, channel: id, ts: id, callbackId: id }),
  z.strictObject({ do: z.literal('open_home'), as }),
  z.strictObject({ do: z.literal('dismiss'), as, id }),
  /** Enters the setup key of an enrolment into the person's authenticator. */
  z.strictObject({ do: z.literal('add_key'), as, secret: z.string().max(200) }),
  z.strictObject({ do: z.literal('move_clock'), hours: z.union([z.literal(12), z.literal(24)]) }),
  z.strictObject({ do: z.literal('slack_outage') }),
  z.strictObject({ do: z.literal('heroku_switch'), name: herokuSwitch, on: z.boolean() }),
  z.strictObject({ do: z.literal('heroku_set'), configVar: id, value: z.string().max(200).nullable() }),
  z.strictObject({ do: z.literal('kill') }),
  z.strictObject({ do: z.literal('kill_at_next_change'), on: z.boolean() }),
]);
export type Act = z.output<typeof act>;

export const outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('done') }),
  /** The modal stays, with these errors under its fields, by block id. */
  z.object({ kind: z.literal('errors'), errors: z.record(z.string(), z.string()) }),
  /** What Slack says if the app didn't answer, or why it can't be done. */
  z.object({ kind: z.literal('failed'), message: z.string() }),
]);
export type Outcome = z.output<typeof outcome>;
