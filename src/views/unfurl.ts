import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { subjectLines } from './alert.js';
import { context, section, type Unfurl } from './blocks.js';
import { COMMAND } from './ids.js';
import { promotionLine } from './list.js';
import { code, moment, person } from './text.js';

/** What a promotion's address unfurls to: its state then, and where to look again. */
export function promotionUnfurl(promotion: Promotion, asOf: Date): Unfurl {
  const { promotedAt, promotedBy, id } = promotion;
  const lines = [
    promotionLine(promotion),
    ...subjectLines(promotion),
    ...(isDeploying(promotion) || promotedAt !== null ? [`*Promoted by*: ${person(promotedBy)}`] : []),
  ];
  return {
    blocks: [
      section(lines.join('\n')),
      context(`As of ${moment(asOf)}. For now and Heroku’s answer: ${code(`${COMMAND} show ${id}`)}`),
    ],
  };
}
