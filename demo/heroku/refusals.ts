/** An error answer, in the words and shape of Heroku's own error bodies. */
export interface Refusal {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
}

/** https://devcenter.heroku.com/articles/platform-api-reference#error-responses */
const refusal = (status: number, id: string, message: string, more: Record<string, string> = {}): Refusal => ({
  status,
  body: { ...more, id, message },
});

export const refusals = {
  badRequest: (message: string) => refusal(400, 'bad_request', message),
  unauthorized: () => refusal(401, 'unauthorized', 'Invalid credentials provided.'),
  forbidden: (app: string) => refusal(403, 'forbidden', `You do not have access to the app ${app}.`),
  outOfScope: () => refusal(403, 'forbidden', 'Your token does not have the scope that this takes.'),
  notFound: (resource: 'app' | 'release') => refusal(404, 'not_found', `Couldn't find that ${resource}.`, { resource }),
  noSuchEndpoint: () =>
    refusal(
      404,
      'not_found',
      'The requested API endpoint was not found. Are you using the right HTTP verb (i.e. `GET` vs. `POST`), and did ' +
        'you specify your intended version with the `Accept` header?',
    ),
  notAcceptable: () =>
    refusal(406, 'not_acceptable', 'Set the `Accept: application/vnd.heroku+json; version=3` header and try again.'),
  rangeNotSatisfiable: (message: string) => refusal(416, 'requested_range_not_satisfiable', message),
  invalid: (message: string) => refusal(422, 'invalid_params', message),
  rateLimit: () =>
    refusal(
      429,
      'rate_limit',
      'Your account reached the API rate limit. Please wait a few minutes before making new requests.',
      { url: 'https://devcenter.heroku.com/articles/platform-api-reference#rate-limits' },
    ),
  internal: () => refusal(500, 'internal_server_error', 'Internal server error.'),
  unavailable: () => refusal(503, 'service_unavailable', 'API is currently unavailable.'),
} as const;
