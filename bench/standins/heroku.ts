import { startHerokuStandIn } from '../../demo/heroku/stand-in.js';

/** The Heroku stand-in in a process of its own, answering at once. Its one argument: the names of the apps that it has. */
const names = (process.argv[2] ?? '').split(',');
const heroku = await startHerokuStandIn({
  apps: Object.fromEntries(names.map((name) => [name, { vars: {} }])),
  requestsPerHour: 100_000_000,
});
// What it keeps of each request is for tests to look at.
setInterval(() => heroku.forgetRequests(), 500).unref();
process.stdout.write(`${JSON.stringify({ apiUrl: heroku.apiUrl, apiKey: heroku.apiKey })}\n`);
