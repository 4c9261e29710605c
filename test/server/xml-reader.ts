import { XMLParser } from 'fast-xml-parser';

/** An element with its children in document order; namespace prefixes are taken off. */
export interface XmlElement {
  name: string;
  /** The plain `type` attribute, which names the kind of object that a reference points to. */
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

/** Reads a document and returns its root element. Throws when it is no well-formed XML. */
export function readXml(document: string): XmlElement {
  const root = elementsOf(parser.parse(document, true) as ParsedNode[])[0];
  if (root === undefined) throw new Error('the document has no element');
  return root;
}

/** What the parser gives: one key is the element's name, `:@` holds its attributes, `#text` its text. */
type ParsedNode = Record<string, unknown>;

function elementsOf(nodes: ParsedNode[]): XmlElement[] {
  const elements: XmlElement[] = [];
  for (const node of nodes) {
    const name = Object.keys(node).find((key) => key !== ':@');
    if (name === undefined || name.startsWith('#') || name.startsWith('?')) continue;
    const content = node[name] as ParsedNode[];
    const attributes = Object.entries((node[':@'] ?? {}) as Record<string, string>);
    elements.push({
      name: withoutPrefix(name),
      type: attributes.find(([key]) => key === 'type')?.[1],
      // Clients choose their own prefix for the namespace of schema instances.
      xsiType: prefixedType(attributes),
      children: elementsOf(content),
      text: content.map((child) => (typeof child['#text'] === 'string' ? child['#text'] : '')).join(''),
    });
  }
  return elements;
}

function prefixedType(attributes: [string, string][]): string | undefined {
  const found = attributes.find(([key]) => key.endsWith(':type') && !key.startsWith('xmlns'));
  return found === undefined ? undefined : withoutPrefix(found[1]);
}

function withoutPrefix(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}
