import { type Page, type PageRequest, wrongMethod } from './enrolment.js';
import { STYLE } from './style.js';

export async function styleSheet({ method }: PageRequest): Promise<Page> {
  return method === 'GET' || method === 'HEAD'
    ? { status: 200, contentType: 'text/css', body: STYLE }
    : wrongMethod('GET, HEAD');
}
