import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { z } from 'zod';

const FILE = path.resolve(__dirname, '../../../shared/contracts/heroku-platform-api.schema.json');

const link = z.object({
  href: z.string(),
  method: z.string(),
  schema: z.unknown().optional(),
  targetSchema: z.unknown().optional(),
});
const contract = z.object({
  definitions: z.record(z.string(), z.looseObject({ links: z.array(link).optional() })),
});

/** Heroku's own published description of its API, if that file is at hand. */
export interface HerokuSchema {
  /** What is wrong with an exchange by that description; empty if nothing is. */
  faultsOf(exchange: {
    readonly method: string;
    readonly path: string;
    readonly body: unknown;
    readonly answer: unknown;
  }): string[];
  /** What is wrong with a body as an answer of one kind, such as `release`. */
  faultsIn(definition: string, body: unknown): string[];
}

export function loadHerokuSchema(): HerokuSchema | null {
  return existsSync(FILE) ? compile(JSON.parse(readFileSync(FILE, 'utf8'))) : null;
}

function compile(document: unknown): HerokuSchema {
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ ...z.record(z.string(), z.unknown()).parse(strict(document)), $id: 'heroku' });
  const resources = ['app', 'config-var', 'dyno', 'release', 'oauth-authorization'];
  const { definitions } = contract.parse(document);
  const links = resources.flatMap((resource) =>
    (definitions[resource]?.links ?? []).map((entry, index) => ({
      ...entry,
      pattern: patternOf(entry.href),
      pointer: `heroku#/definitions/${resource}/links/${index}`,
    })),
  );

  const faults = (pointer: string, value: unknown): string[] => {
    const validate = ajv.getSchema(pointer);
    if (validate === undefined) throw new Error(`The schema has no ${pointer}.`);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      (error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
    );
  };

  return {
    faultsOf: ({ method, path: requested, body, answer }) => {
      const found = links.find((entry) => entry.method === method && entry.pattern.test(requested));
      if (found === undefined) return [`Heroku documents no ${method} ${requested}.`];
      return [
        ...(found.schema === undefined ? [] : faults(`${found.pointer}/schema`, body)),
        ...(found.targetSchema === undefined ? [] : faults(`${found.pointer}/targetSchema`, answer)),
      ];
    },
    faultsIn: (definition, body) => faults(`heroku#/definitions/${definition}`, body),
  };
}

/** `/apps/{(…)}/config-vars`: each variable is one segment. */
function patternOf(href: string): RegExp {
  return new RegExp(`^${href.replace(/\{[^}]*\}/g, '[^/]+')}$`);
}

/**
 * The document is JSON Schema draft 4. Of what draft 7 reads differently it uses only `$schema` and a root `id`. Its
 * own `strictProperties` means that every property is there and no other.
 */
function strict(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(strict);
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node)
    .filter(
      ([name, value]) => name !== '$schema' && name !== 'example' && !(name === 'id' && typeof value === 'string'),
    )
    .map(([name, value]): [string, unknown] => [name, strict(value)]);
  const copy = Object.fromEntries(entries);
  const { properties } = copy;
  if (copy['strictProperties'] !== true || typeof properties !== 'object' || properties === null) return copy;
  return { ...copy, required: Object.keys(properties), additionalProperties: false };
}
