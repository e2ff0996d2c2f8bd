import { base32Problem } from '../../../src/operators/enrolment-secrets.js';
import type { Person, SimpleOutcome, SubmitOutcome } from '../../slack/person.js';
import { HEROKU_APP } from '../../world/incident.js';
import type { World } from '../../world/world.js';
import type { Act, Outcome, Place } from '../protocol/acts.js';
import { typed } from './typed.js';

const DONE: Outcome = { kind: 'done' };
/** What was clicked changed or disappeared before the click arrived. */
const GONE: Outcome = { kind: 'failed', message: 'That has changed meanwhile. Look again.' };

/** Does in the world what was done on the page. @throws if the world can't */
export async function perform(world: World, act: Act): Promise<Outcome> {
  const { slack } = world;
  switch (act.do) {
    case 'command':
      // If the app doesn't answer, Slack itself says so, to this person alone.
      await slack.people[act.as].command(act.text, { channel: act.channel });
      return DONE;
    case 'say':
      return say(world, act);
    case 'click':
      return click(world, act);
    case 'submit': {
      const person = slack.people[act.as];
      return person.modal()?.id === act.viewId ? submitted(await person.submit(act.values)) : GONE;
    }
    case 'close': {
      const person = slack.people[act.as];
      if (person.modal()?.id === act.viewId) await person.closeModal();
      return DONE;
    }
    case 'shortcut':
      return simple(await slack.people[act.as].messageShortcut(act.callbackId, act.channel, act.ts));
    case 'open_home':
      await slack.people[act.as].openHome();
      return DONE;
    case 'dismiss':
      slack.people[act.as].dismiss(act.id);
      return DONE;
    case 'add_key':
      return addKey(world, act);
    case 'move_clock':
      await world.moveClock(act.hours);
      return DONE;
    case 'slack_outage':
      world.slackOutage();
      return DONE;
    case 'heroku_switch':
      world.switches.set(act.name, act.on);
      return DONE;
    case 'heroku_set':
      world.heroku.setVar(HEROKU_APP, act.configVar, act.value);
      return DONE;
    case 'kill':
      await world.killer.kill();
      return DONE;
    case 'kill_at_next_change':
      world.killer.atNextChange(act.on);
      return DONE;
  }
}

function addKey({ slack, authenticators }: World, { as, secret }: Extract<Act, { do: 'add_key' }>): Outcome {
  const key = secret.replaceAll(/\s/gu, '').toUpperCase();
  const problem = base32Problem(key);
  if (problem !== null) return { kind: 'failed', message: `The setup key ${problem}` };
  authenticators.enrol(slack.people[as].id, key);
  return DONE;
}

async function say({ slack }: World, { as, channel, threadTs, text }: Extract<Act, { do: 'say' }>): Promise<Outcome> {
  await slack.people[as].say(typed(text, { 'flag-promotions': slack.botUserId }), {
    channel,
    ...(threadTs === null ? {} : { threadTs }),
    unheard: true,
  });
  return DONE;
}

async function click(
  { slack }: World,
  { as, place, actionId, value }: Extract<Act, { do: 'click' }>,
): Promise<Outcome> {
  const person = slack.people[as];
  const options = value === null ? {} : { value };
  switch (place.kind) {
    case 'message': {
      const message = (await slack.everything(place.channel)).find(({ ts }) => ts === place.ts);
      return message === undefined ? GONE : simple(await person.click(message, actionId, options));
    }
    case 'ephemeral': {
      const message = person.ephemerals().find(({ id }) => id === place.id);
      return message === undefined ? GONE : simple(await person.click(message, actionId, options));
    }
    case 'modal':
      return inModal(person, place, async () => simple(await person.clickInModal(actionId, options)));
    case 'home':
      return simple(await person.clickInHome(actionId, options));
  }
}

async function inModal(
  person: Person,
  place: Extract<Place, { kind: 'modal' }>,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  if (person.modal()?.id !== place.id) return GONE;
  person.fill(place.values);
  return work();
}

function simple(outcome: SimpleOutcome): Outcome {
  return outcome.kind === 'acknowledged' ? DONE : { kind: 'failed', message: outcome.message };
}

function submitted(outcome: SubmitOutcome): Outcome {
  switch (outcome.kind) {
    case 'errors':
    case 'not_sent':
      return { kind: 'errors', errors: outcome.errors };
    case 'failed':
      return { kind: 'failed', message: outcome.message };
    case 'closed':
    case 'updated':
    case 'pushed':
      return DONE;
  }
}
