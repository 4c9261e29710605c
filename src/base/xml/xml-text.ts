/** Attributes by name, in order. Undefined values are omitted. */
export type XmlAttributes = Record<string, string | number | undefined>;

/** Formats an element as lines of text. Its content is text, or elements that are indented one level deeper. */
export function element(
  name: string,
  attributes: XmlAttributes = {},
  content: string | readonly string[][] = [],
): string[] {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`)
    .join('');
  if (typeof content === 'string') return [`<${name}${written}>${escapeXml(content)}</${name}>`];
  if (content.length === 0) return [`<${name}${written}/>`];
  return [`<${name}${written}>`, ...content.flat().map((line) => `  ${line}`), `</${name}>`];
}

/**
 * Escapes text and attribute values. Line ends and tabs become references, because a parser converts them to spaces in
 * attributes.
 * @throws RangeError for characters that XML 1.0 cannot represent even as references (2.2, `Char`).
 */
export function escapeXml(text: string): string {
  if (!isXmlText(text)) throw new RangeError(`${JSON.stringify(text)} cannot be used in XML.`);
  return text.replace(/[&<>"'\t\n\r]/g, (character) => NAMED.get(character) ?? `&#${character.codePointAt(0)};`);
}

const NAMED = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&apos;'],
]);

/** Most control characters, lone surrogates, U+FFFE and U+FFFF. */
const NO_XML = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

export function isXmlText(text: string): boolean {
  return text.search(NO_XML) < 0;
}

/** Replaces each character that XML cannot represent with `_`. */
export function toXmlText(text: string): string {
  return text.replace(NO_XML, '_');
}
