import { toJsonSchema } from '@valibot/to-json-schema';
import { format } from 'prettier';
import { PUBLISHED_SCHEMAS } from '../../src/operations/documents/published-schemas.ts';

/** Returns the files of docs/schemas with their content, formatted like `npm run format`. */
export async function schemaPages(): Promise<{ file: URL; text: string }[]> {
  return await Promise.all(
    Object.entries(PUBLISHED_SCHEMAS).map(async ([name, { title, schema }]) => {
      // JSON Schema cannot express some checks. The program makes them when it reads a record.
      const { $schema, ...body } = toJsonSchema(schema, {
        errorMode: 'ignore',
        target: 'draft-07',
        typeMode: 'output',
      });
      const text = JSON.stringify({ $schema, title, ...body });
      return {
        file: new URL(`../../docs/schemas/${name}.schema.json`, import.meta.url),
        text: await format(text, { parser: 'json', printWidth: 120 }),
      };
    }),
  );
}
