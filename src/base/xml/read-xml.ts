import { XMLParser, XMLValidator } from 'fast-xml-parser';

/** An element as written in the text: names include their prefixes, and references (`&amp;`) are not decoded. */
export interface XmlElementParts<Node> {
  name: string;
  attributes: Readonly<Record<string, string>>;
  /** The results of {@link XmlReading.build} for its child elements, in order. */
  children: readonly Node[];
  /** The pieces of its own text, in order. CDATA sections contain no references. */
  texts: readonly { text: string; isCdata: boolean }[];
}

/** A limit on the work that a text can cause. */
export interface XmlLimit {
  /**
   * The maximum applies to the total number of occurrences of these characters. If undefined, it applies to the number
   * of all characters.
   */
  characters?: string;
  most: number;
  /** The error message, as a clause: `it is larger than any descriptor`. */
  what: string;
}

export interface XmlReading<Node> {
  limits: readonly XmlLimit[];
  /** Must throw an error about the problem `what` of the text, a clause that starts with "it". */
  refuse: (what: string, cause?: unknown) => never;
  /** Called for each element after its children. */
  build: (parts: XmlElementParts<Node>) => Node;
}

const TEXT = '#text';
const CDATA = '#cdata';

/** References are decoded where a value is used, so an unknown one is rejected only where it matters. */
const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  textNodeName: TEXT,
  cdataPropName: CDATA,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
});

/**
 * The only XML parser, used for SOAP responses, OVF descriptors and libvirt domains. Returns the root elements; there
 * are several only in text that is not a well-formed document. A document type is rejected: its entities could expand
 * endlessly or read files, and none of the three formats has one. The parser takes up to 35 µs and 3 KB per element or
 * attribute, so each format limits their number.
 */
export function readXml<Node>(text: string, { limits, refuse, build }: XmlReading<Node>): Node[] {
  for (const { characters, most, what } of limits) {
    const isOver = characters === undefined ? text.length > most : hasMore(text, characters, most);
    if (isOver) refuse(what);
  }
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) refuse('it has a document type declaration');
  const valid = XMLValidator.validate(text);
  if (valid !== true) refuse(`it is not well-formed XML (line ${valid.err.line}: ${valid.err.msg})`);
  let nodes: unknown;
  try {
    nodes = parser.parse(text);
  } catch (error) {
    return refuse(`it cannot be parsed (${error instanceof Error ? error.message : String(error)})`, error);
  }
  return buildAll(nodes, build);
}

/** The parser returns a list of `{ name: children, ':@': attributes }`, `{ '#text': text }` and `{ '#cdata': [{ '#text': text }] }`. */
function buildAll<Node>(nodes: unknown, build: XmlReading<Node>['build']): Node[] {
  return listOf(nodes).flatMap(({ ':@': attributes, ...content }) => {
    const [name, children] = Object.entries(content)[0] ?? [TEXT];
    if (name === TEXT || name === CDATA) return [];
    const parts = { name, attributes: stringsOf(attributes), children: buildAll(children, build) };
    return [build({ ...parts, texts: listOf(children).flatMap(textsOf) })];
  });
}

function textsOf({ [TEXT]: text, [CDATA]: cdata }: Record<string, unknown>): { text: string; isCdata: boolean }[] {
  if (typeof text === 'string') return [{ text, isCdata: false }];
  return listOf(cdata).flatMap(({ [TEXT]: piece }) =>
    typeof piece === 'string' ? [{ text: piece, isCdata: true }] : [],
  );
}

function listOf(nodes: unknown): Record<string, unknown>[] {
  return Array.isArray(nodes) ? nodes : [];
}

function stringsOf(attributes: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(attributes ?? {}).map(([name, value]) => [name, String(value)]));
}

function hasMore(text: string, characters: string, most: number): boolean {
  let count = 0;
  for (const character of characters) {
    for (let at = text.indexOf(character); at !== -1 && count <= most; at = text.indexOf(character, at + 1)) count += 1;
  }
  return count > most;
}
