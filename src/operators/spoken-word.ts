import { randomInt } from 'node:crypto';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import type { RecoveryHash } from './recovery-codes.js';

/** The words that people say aloud in an enrolment. */
export interface SpokenWords {
  /** One of 2,048, each with a different start of four letters, and its stored hash. */
  make(slackUserId: string): { readonly word: string; readonly hash: string };
  /** Whether a typed word matches the stored one. Ignores capitals, spaces and punctuation. */
  isRight(typed: string, stored: string | null, slackUserId: string): boolean;
}

/** Keyed like recovery codes: so few words could be tried one by one. */
export function createSpokenWords(hash: RecoveryHash): SpokenWords {
  const owner = (slackUserId: string) => `spoken word of ${slackUserId}`;
  return {
    make(slackUserId) {
      const word = wordlist[randomInt(wordlist.length)] ?? '';
      return { word, hash: hash.ofNew(word, owner(slackUserId)) };
    },
    isRight(typed, stored, slackUserId) {
      const word = typed.toLowerCase().replaceAll(/[^a-z]/gu, '');
      return stored !== null && hash.all(word, owner(slackUserId)).includes(stored);
    },
  };
}
