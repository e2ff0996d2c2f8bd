import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Entered, entriesThatFit, stateOf } from './form.js';
import { storedBlocks } from './shape.js';

/** A modal or home tab on a person's screen. */
export interface OpenView {
  readonly id: string;
  /** Changes with each update; views.update with an older one is refused. */
  readonly hash: string;
  readonly callbackId: string;
  readonly privateMetadata: string;
  /** '' on a home tab. */
  readonly title: string;
  readonly blocks: readonly unknown[];
  /** As Slack's API describes it, with its inputs' state. */
  readonly raw: Readonly<Record<string, unknown>>;
}

interface KeptView {
  readonly id: string;
  readonly userId: string;
  hash: string;
  readonly rootId: string;
  readonly previousId: string | null;
  content: Content;
  entered: Entered;
}

const content = z.looseObject({
  type: z.enum(['modal', 'home']),
  title: z.looseObject({ text: z.string() }).optional(),
  blocks: z.array(z.unknown()),
  callback_id: z.string().default(''),
  private_metadata: z.string().default(''),
  external_id: z.string().default(''),
  clear_on_close: z.boolean().default(false),
  notify_on_close: z.boolean().default(false),
});
type Content = z.output<typeof content>;

export type ViewFault = 'not_found' | 'hash_conflict' | 'push_limit_reached' | 'duplicate_external_id';

/** https://docs.slack.dev/surfaces/modals#view-stack */
const DEEPEST_STACK = 3;

/** Everybody's open views. `emulate` never closes one, so it can't say what is open. */
export class Views {
  /** In order of opening; a person's last one is on top. */
  #modals: KeptView[] = [];
  readonly #homes = new Map<string, KeptView>();

  constructor(
    private readonly around: { readonly teamId: string; readonly appId: string; readonly botId: string },
    private readonly onChange: () => void,
  ) {}

  /** Topmost last. */
  modalsOf(userId: string): readonly OpenView[] {
    return this.#modals.filter((view) => view.userId === userId).map((view) => this.#shown(view));
  }

  homeOf(userId: string): OpenView | undefined {
    const home = this.#homes.get(userId);
    return home === undefined ? undefined : this.#shown(home);
  }

  /** `onto`: the modal to push this one onto; null to open it on its own. */
  open(userId: string, view: unknown, onto: string | null): OpenView | ViewFault {
    const parsed = shaped(view);
    if (this.#isTaken(parsed.external_id, null)) return 'duplicate_external_id';
    const below = this.#modals.find(({ id }) => id === onto);
    if (onto !== null && below === undefined) return 'not_found';
    if (below !== undefined && this.#modals.filter(({ rootId }) => rootId === below.rootId).length >= DEEPEST_STACK) {
      return 'push_limit_reached';
    }
    const id = makeId();
    const kept: KeptView = {
      id,
      userId,
      hash: makeHash(),
      rootId: below?.rootId ?? id,
      previousId: below?.id ?? null,
      content: parsed,
      entered: {},
    };
    this.#modals.push(kept);
    this.onChange();
    return this.#shown(kept);
  }

  /** Entries stay if their field keeps its block id and action id. */
  update(which: { id?: string; externalId?: string; hash?: string }, view: unknown): OpenView | ViewFault {
    const kept = this.#modals.find(
      ({ id, content: { external_id: external } }) =>
        id === which.id || (which.externalId !== undefined && external === which.externalId),
    );
    if (kept === undefined) return 'not_found';
    if (which.hash !== undefined && which.hash !== kept.hash) return 'hash_conflict';
    const parsed = shaped(view);
    if (this.#isTaken(parsed.external_id, kept.id)) return 'duplicate_external_id';
    kept.entered = entriesThatFit(kept.entered, kept.content.blocks, parsed.blocks);
    kept.content = parsed;
    kept.hash = makeHash();
    this.onChange();
    return this.#shown(kept);
  }

  publish(userId: string, view: unknown, hash: string | undefined): OpenView | ViewFault {
    const known = this.#homes.get(userId);
    if (known !== undefined && hash !== undefined && hash !== known.hash) return 'hash_conflict';
    const id = known?.id ?? makeId();
    const kept: KeptView = {
      id,
      userId,
      hash: makeHash(),
      rootId: id,
      previousId: null,
      content: shaped(view),
      entered: {},
    };
    this.#homes.set(userId, kept);
    this.onChange();
    return this.#shown(kept);
  }

  enter(id: string, values: Entered): OpenView {
    const kept = this.#modals.find((view) => view.id === id);
    if (kept === undefined) throw new Error(`The view ${id} is not open.`);
    kept.entered = { ...kept.entered, ...values };
    return this.#shown(kept);
  }

  enteredIn(id: string): Entered {
    return this.#modals.find((view) => view.id === id)?.entered ?? {};
  }

  close(id: string): void {
    this.#modals = this.#modals.filter((view) => view.id !== id);
    this.onChange();
  }

  closeAll(userId: string): void {
    this.#modals = this.#modals.filter((view) => view.userId !== userId);
    this.onChange();
  }

  /** Shows a closed view again, as it was. */
  reopen(userId: string, view: OpenView): void {
    if (this.#modals.some(({ id }) => id === view.id)) return;
    this.#modals.push({
      id: view.id,
      userId,
      hash: view.hash,
      rootId: view.id,
      previousId: null,
      content: content.parse(view.raw),
      entered: {},
    });
    this.onChange();
  }

  #isTaken(externalId: string, by: string | null): boolean {
    return externalId !== '' && this.#modals.some((view) => view.id !== by && view.content.external_id === externalId);
  }

  #shown(view: KeptView): OpenView {
    const { content: shown } = view;
    return {
      id: view.id,
      hash: view.hash,
      callbackId: shown.callback_id,
      privateMetadata: shown.private_metadata,
      title: shown.title?.text ?? '',
      blocks: shown.blocks,
      raw: {
        submit: null,
        close: null,
        ...shown,
        id: view.id,
        team_id: this.around.teamId,
        state: { values: stateOf(shown.blocks, view.entered) },
        hash: view.hash,
        previous_view_id: view.previousId,
        root_view_id: view.rootId,
        app_id: this.around.appId,
        app_installed_team_id: this.around.teamId,
        bot_id: this.around.botId,
      },
    };
  }
}

function shaped(view: unknown): Content {
  const parsed = content.parse(view);
  return { ...parsed, blocks: storedBlocks(parsed.blocks) };
}

const makeId = (): string => `V${randomBytes(5).toString('hex').toUpperCase()}`;
const makeHash = (): string => `${Math.floor(Date.now() / 1000)}.${randomBytes(4).toString('hex')}`;
