import { codeOf, messageOf } from '../embedded/errors.js';
import type { ServerAddress } from './address.js';
import { CertificateFileError } from './tls.js';

export type UrlSetting = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

/** A problem with a server that keeps the app from working. */
export interface ServerTrouble {
  readonly kind: string;
  /** What is wrong, then what to do; without address or password. */
  readonly says: string;
  /** It may pass by itself, so a retry is worth it. */
  readonly mayPass?: true;
}

/** The app can't work with a server. `message` says why and what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError';
  constructor(
    readonly setting: UrlSetting,
    readonly trouble: ServerTrouble,
    options?: ErrorOptions,
  ) {
    super(`${setting}: ${trouble.says}`, options);
  }
}

interface Context {
  readonly setting: UrlSetting;
  readonly address: ServerAddress;
  readonly error: unknown;
}

interface Rule extends Omit<ServerTrouble, 'says'> {
  /** SQLSTATEs, or Node's codes. Undefined: any. */
  readonly codes?: readonly string[];
  /** Matches a pooler's, Node's or pg's words, or PostgreSQL's in English: lc_messages may be another. Undefined: any. */
  readonly words?: RegExp;
  readonly says: string | ((context: Context) => string);
}

const OR_UNCHECKED = 'or PGSSLMODE=require to encrypt without checking who answers';

export const TLS_REQUIRED = {
  kind: 'tls_required',
  says: `The server takes encrypted connections only. Set PGSSLMODE=verify-full and PGSSLROOTCERT to its CA’s certificate, ${OR_UNCHECKED}.`,
};

/** The first match counts. */
const RULES: readonly Rule[] = [
  { ...TLS_REQUIRED, words: /SSL required|SSL connection is required|connection is insecure/iu },
  {
    kind: 'client_certificate',
    words: /client certificate|certificate required|certificate authentication failed/iu,
    says: 'The server asks for a client’s certificate. Set PGSSLMODE=require or stricter, PGSSLCERT and PGSSLKEY.',
  },
  {
    kind: 'not_admitted',
    codes: ['28000'],
    words: /pg_hba\.conf/u,
    says: 'The server’s pg_hba.conf doesn’t let this account into this database from here. Ask its administrator for a line there.',
  },
  {
    kind: 'tls_unsupported',
    words: /does not support SSL/u,
    says: 'The server offers no encryption, but PGSSLMODE (or sslmode) asks for it. Switch ssl on in its postgresql.conf, or set PGSSLMODE=disable.',
  },
  {
    kind: 'certificate_self_signed',
    codes: ['DEPTH_ZERO_SELF_SIGNED_CERT'],
    says: ({ address }) =>
      `The server’s certificate is self-signed${address.tls.rootFile === undefined ? '' : ', and not the one in PGSSLROOTCERT'}. Set PGSSLROOTCERT to a copy of it, ${OR_UNCHECKED}.`,
  },
  {
    kind: 'certificate_unknown_ca',
    codes: [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'CERT_SIGNATURE_FAILURE',
    ],
    says: ({ address }) =>
      `The server’s certificate is signed by a CA that ${address.tls.rootFile === undefined ? 'this host doesn’t know' : 'is not the one in PGSSLROOTCERT'}. Set PGSSLROOTCERT to that CA’s certificate, ${OR_UNCHECKED}.`,
  },
  {
    kind: 'certificate_other_host',
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    says: ({ setting, error }) =>
      `The server’s certificate is for another host name${namesOf(error)}. Use that name in ${setting}, or set PGSSLMODE=verify-ca and PGSSLROOTCERT.`,
  },
  {
    kind: 'certificate_expired',
    codes: ['CERT_HAS_EXPIRED'],
    says: 'The server’s certificate has expired, by this host’s clock. Renew it there. Until then PGSSLMODE=require connects without checking it.',
  },
  {
    kind: 'certificate_not_yet_valid',
    codes: ['CERT_NOT_YET_VALID'],
    says: 'The server’s certificate isn’t valid yet, by this host’s clock. Check both clocks.',
  },
  {
    kind: 'tls',
    codes: ['EPROTO'],
    says: 'No encryption could be agreed on with the server. Its TLS may be older than 1.2. Its log says more.',
  },
  {
    kind: 'password_missing',
    words: /client password must be a|no password supplied/u,
    says: ({ setting }) =>
      `The server asks for a password, and there is none. Put it into ${setting}, or set PGPASSWORD.`,
  },
  {
    kind: 'peer',
    words: /(?:peer|ident) authentication failed/iu,
    says: ({ setting }) =>
      `The server admits this account only to the operating system’s user of that name. Run the app as that user, or put a host and a password into ${setting}.`,
  },
  {
    kind: 'no_login',
    words: /is not permitted to log in/u,
    says: 'The account may not log in. Run as its administrator: alter role … login',
  },
  {
    kind: 'no_role',
    words: /role ".*" does not exist|no such user/u,
    says: ({ setting }) => `The server has no account of this name. Create it, or correct the name in ${setting}.`,
  },
  { kind: 'password_wrong', codes: ['28P01'], says: passwordWrong },
  {
    kind: 'password_wrong',
    words: /(?:password|SASL|SCRAM) authentication failed|SCRAM-SERVER|auth(?:entication)? failed/iu,
    says: passwordWrong,
  },
  {
    kind: 'login_refused',
    codes: ['28000'],
    says: ({ error, address }) =>
      `The server doesn’t let this account log in${ownWords(error, address)}. Its log may say more.`,
  },
  {
    kind: 'no_database',
    codes: ['3D000'],
    says: noDatabase,
  },
  { kind: 'no_database', words: /no such database|database ".*" does not exist/u, says: noDatabase },
  {
    kind: 'no_connect',
    codes: ['42501'],
    says: 'The account may not connect to this database. Run as its owner: grant connect on database … to …',
  },
  {
    kind: 'no_connection_left',
    codes: ['53300'],
    mayPass: true,
    says: 'The server has no connection left for this account. End some, raise max_connections or the account’s connection limit there (a migration takes three), or lower DATABASE_POOL_MAX here.',
  },
  {
    kind: 'time_limit',
    // query_canceled, transaction_timeout: by the first statement, which asks nothing but what the server is like
    codes: ['57014', '25P04'],
    mayPass: true,
    says: ({ setting }) =>
      `A time limit ended the first statement. If the server isn’t busy, the account’s limit is too short. Take it out of ${setting} and PGOPTIONS, or run: alter role … reset statement_timeout`,
  },
  {
    kind: 'pooler_full',
    words: /no more connections allowed|max_client_conn/u,
    mayPass: true,
    says: 'The pooler takes no more clients. Raise its max_client_conn, or lower DATABASE_POOL_MAX here.',
  },
  {
    kind: 'pooler_busy',
    words: /query_wait_timeout/u,
    mayPass: true,
    says: 'The pooler had no connection to PostgreSQL free. Raise its default_pool_size.',
  },
  {
    kind: 'pooler_cut_off',
    words: /cannot connect to server|server_login_retry|server login|server conn crashed/iu,
    mayPass: true,
    says: 'The pooler answers, but can’t connect to PostgreSQL. Its log says why.',
  },
  {
    kind: 'pooler_refuses_options',
    words: /unsupported startup parameter|command-line options/iu,
    says: ({ setting }) =>
      `The pooler refuses the options in ${setting}, or in PGOPTIONS. Take them out, and run: alter role … set …`,
  },
  {
    kind: 'pooler_statements',
    words: /statement pooling/iu,
    says: 'The pooler works in statement mode, which has no transactions. Set its pool_mode to transaction.',
  },
  {
    kind: 'starting',
    codes: ['57P01', '57P02', '57P03'],
    mayPass: true,
    says: 'PostgreSQL is starting or stopping. Try again in a minute.',
  },
  {
    kind: 'refused',
    codes: ['ECONNREFUSED'],
    mayPass: true,
    says: ({ setting }) =>
      `Nothing listens at the address in ${setting}. Does PostgreSQL run, and are host and port right?`,
  },
  {
    kind: 'no_socket',
    codes: ['ENOENT', 'ENOTDIR'],
    mayPass: true,
    says: ({ setting }) =>
      `There is no socket in the folder that ${setting} names. Does PostgreSQL run, and are folder and port right?`,
  },
  {
    kind: 'socket_closed_to_us',
    codes: ['EACCES', 'EPERM'],
    says: ({ setting }) => `This user may not use the socket that ${setting} names. Check its folder’s permissions.`,
  },
  {
    kind: 'unknown_host',
    codes: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA'],
    mayPass: true,
    says: ({ setting }) => `The host in ${setting} isn’t known here. Is its name right, and does DNS work?`,
  },
  {
    kind: 'no_answer',
    codes: ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN'],
    mayPass: true,
    says: noAnswer,
  },
  {
    kind: 'fell_silent',
    words: /timeout expired after/u,
    mayPass: true,
    says: 'The server began to answer and fell silent. A pooler does so while it has no connection to PostgreSQL. Its log says more.',
  },
  { kind: 'no_answer', words: /timeout expired|fell silent/u, mayPass: true, says: noAnswer },
  {
    kind: 'hung_up',
    codes: ['ECONNRESET', 'EPIPE'],
    mayPass: true,
    says: hungUp,
  },
  {
    kind: 'hung_up',
    words: /connection (?:terminated|ended)|establishing an SSL connection/iu,
    mayPass: true,
    says: hungUp,
  },
];

function passwordWrong({ setting }: Context): string {
  return `The server refuses the password, or knows no account of this name: it doesn’t tell which. Check both in ${setting}.`;
}

function noDatabase({ setting }: Context): string {
  return `The server has no database of this name. Create it, or correct the name in ${setting}.`;
}

function noAnswer({ setting }: Context): string {
  return `The server doesn’t answer. Are host and port in ${setting} right, and does a firewall let this host through?`;
}

function hungUp({ setting }: Context): string {
  return `What listens at the address in ${setting} hung up before it answered. Is it PostgreSQL? Its log may say why.`;
}

/** The names on another host's certificate. */
function namesOf(error: unknown): string {
  const names = /altnames?: (.*)$/isu.exec(messageOf(error))?.[1] ?? '';
  const hosts = [...names.matchAll(/DNS:([\w.*-]+)|IP Address:([\w.:]+)/gu)].map(([, dns, ip]) => dns ?? ip);
  return hosts.length === 0 ? '' : ` (${hosts.slice(0, 5).join(', ')})`;
}

export function serverError(error: unknown, setting: UrlSetting, address: ServerAddress): ServerError {
  if (error instanceof ServerError) return error;
  if (error instanceof CertificateFileError) {
    return new ServerError(setting, { kind: 'certificate_file', says: error.message }, { cause: error });
  }
  const code = codeOf(error) ?? '';
  const said = messageOf(error);
  const rule = RULES.find(({ codes, words }) => (codes?.includes(code) ?? true) && (words?.test(said) ?? true));
  const { kind, mayPass, says } = rule ?? UNKNOWN;
  const trouble = { kind, says: typeof says === 'string' ? says : says({ setting, address, error }) };
  return new ServerError(setting, mayPass === undefined ? trouble : { ...trouble, mayPass }, { cause: error });
}

const UNKNOWN: Rule = {
  kind: 'unknown',
  mayPass: true,
  says: ({ error, address }) => `The server can’t be used${ownWords(error, address)}. Its log may say more.`,
};

const MOST_CHARACTERS = 200;

/** An unknown error in a terminal line, unless it contains the password. */
function ownWords(error: unknown, { password }: ServerAddress): string {
  const said = messageOf(error);
  if (said === '' || (password !== undefined && said.includes(password))) return '';
  return `: ${said.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, ' ').slice(0, MOST_CHARACTERS)}`;
}
