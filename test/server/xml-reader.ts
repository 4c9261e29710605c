import { XMLParser } from 'fast-xml-parser';

/** An element with its children in document order. Names have no namespace prefix. */
export interface XmlElement {
  name: string;
  /** The plain `type` attribute: the type of object that a reference refers to. */
  type: string | undefined;
  /** The `xsi:type` attribute without its prefix. */
  xsiType: string | undefined;
  children: XmlElement[];
  text: string;
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
});

/** Parses a document and returns its root element. @throws if it is not well-formed XML */
export function readXml(document: string): XmlElement {
  const [root] = elementsOf(parser.parse(document, true));
  if (root === undefined) throw new Error('the document has no element');
  return root;
}

/** The parser's output: one key is the element's name, `:@` has its attributes, `#text` its text. */
type ParsedNode = Record<string, unknown>;

function elementsOf(content: unknown): XmlElement[] {
  const elements: XmlElement[] = [];
  for (const node of nodesOf(content)) {
    const name = Object.keys(node).find((key) => key !== ':@');
    if (name === undefined || name.startsWith('#') || name.startsWith('?')) continue;
    const own = node[name];
    const attributes = attributesOf(node);
    elements.push({
      name: withoutPrefix(name),
      type: attributes.find(([key]) => key === 'type')?.[1],
      // Clients choose their own prefix for the XML Schema instance namespace.
      xsiType: prefixedType(attributes),
      children: elementsOf(own),
      text: nodesOf(own)
        .map((child) => (typeof child['#text'] === 'string' ? child['#text'] : ''))
        .join(''),
    });
  }
  return elements;
}

function nodesOf(content: unknown): ParsedNode[] {
  return Array.isArray(content) ? content.filter(isNode) : [];
}

function isNode(value: unknown): value is ParsedNode {
  return typeof value === 'object' && value !== null;
}

function attributesOf(node: ParsedNode): [name: string, value: string][] {
  const attributes = node[':@'];
  if (!isNode(attributes)) return [];
  return Object.entries(attributes).map(([name, value]) => [name, typeof value === 'string' ? value : '']);
}

function prefixedType(attributes: [string, string][]): string | undefined {
  const found = attributes.find(([key]) => key.endsWith(':type') && !key.startsWith('xmlns'));
  return found === undefined ? undefined : withoutPrefix(found[1]);
}

function withoutPrefix(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
