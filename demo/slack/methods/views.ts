import { z } from 'zod';
import { type Answer, refuse, refuseProblems } from '../answer.js';
import type { Arguments } from '../arguments.js';
import { checkView } from '../block-kit.js';
import type { OpenView, ViewFault } from '../views.js';
import { type Methods, type Surroundings, text } from './surroundings.js';

export function viewMethods(around: Surroundings): Methods {
  const { views, triggers } = around;

  /** Why Slack would refuse the view or an argument; null if it wouldn't. */
  function refusal(args: Arguments, type: 'modal' | 'home', known: readonly string[]): Answer | null {
    const unknown = Object.keys(args).filter((name) => !known.includes(name));
    const problems = [
      ...unknown.map((name) => ({ path: `/${name}`, message: 'is no argument of this method' })),
      ...checkView(args['view']).map(({ path, message }) => ({ path: `/view${path}`, message })),
    ];
    const { data } = z.looseObject({ type: z.string() }).safeParse(args['view']);
    if (problems.length === 0 && data?.type !== type) problems.push({ path: '/view/type', message: `is no ${type}` });
    return problems.length === 0 ? null : refuseProblems('invalid_arguments', problems);
  }

  function open(args: Arguments, onto: 'own' | 'trigger'): Answer {
    const refused = refusal(args, 'modal', ['trigger_id', 'view']);
    if (refused !== null) return refused;
    const owner = triggers.exchange(text(args['trigger_id']));
    if ('error' in owner) return refuse(owner.error);
    // Only a click inside a modal can put another on top of it.
    if (onto === 'trigger' && owner.viewId === null) return refuse('invalid_trigger_id');
    return answer(views.open(owner.userId, args['view'], onto === 'trigger' ? owner.viewId : null));
  }

  return {
    'views.open': async (args) => open(args, 'own'),
    'views.push': async (args) => open(args, 'trigger'),

    async 'views.update'(args) {
      const refused = refusal(args, 'modal', ['view_id', 'external_id', 'hash', 'view']);
      if (refused !== null) return refused;
      return answer(
        views.update(
          {
            ...(args['view_id'] === undefined ? {} : { id: text(args['view_id']) }),
            ...(args['external_id'] === undefined ? {} : { externalId: text(args['external_id']) }),
            ...(args['hash'] === undefined ? {} : { hash: text(args['hash']) }),
          },
          args['view'],
        ),
      );
    },

    async 'views.publish'(args) {
      const refused = refusal(args, 'home', ['user_id', 'hash', 'view']);
      if (refused !== null) return refused;
      if (!around.homeTab) return refuse('not_enabled');
      const user = text(args['user_id']);
      if (!Object.values(around.emulated.userIds).includes(user)) return refuse('user_not_found');
      return answer(views.publish(user, args['view'], args['hash'] === undefined ? undefined : text(args['hash'])));
    },
  };
}

function answer(outcome: OpenView | ViewFault): Answer {
  return typeof outcome === 'string' ? refuse(outcome) : { ok: true, view: outcome.raw };
}
