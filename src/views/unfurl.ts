import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { subjectLines } from './alert.js';
import { context, section, type Unfurl } from './blocks.js';
import { COMMAND } from './ids.js';
import { promotionLine } from './list.js';
import { code, moment, person } from './text.js';

/** What a promotion's address unfolds to. A picture of a moment: it says which, and where to look again. */
export function promotionUnfurl(promotion: Promotion, asOf: Date): Unfurl {
  const { promotedAt, promotedBy, markedBy, id } = promotion;
  const lines = [
    promotionLine(promotion),
    ...subjectLines(promotion),
    ...(isDeploying(promotion) || promotedAt !== null ? [`*Promoted by*: ${person(promotedBy ?? markedBy)}`] : []),
  ];
  return {
    blocks: [
      section(lines.join('\n')),
      context(`As of ${moment(asOf)}. Now, with what Heroku says: ${code(`${COMMAND} show ${id}`)}`),
    ],
  };
}
