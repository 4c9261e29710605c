import { Hyper2kvmError } from '../../base/errors.ts';
import { foreignText } from '../../base/text/foreign-text.ts';
import { readXml } from '../../base/xml/read-xml.ts';
import { decodeXmlReferences } from '../../base/xml/xml-references.ts';

/** A parsed XML element without namespace prefixes. White space in its text is preserved. */
export class XmlElement {
  readonly name: string;
  readonly text: string;
  readonly elements: readonly XmlElement[];
  readonly #attributes: Readonly<Record<string, string>>;

  constructor(
    name: string,
    attributes: Readonly<Record<string, string>>,
    elements: readonly XmlElement[],
    text: string,
  ) {
    this.name = name;
    this.#attributes = attributes;
    this.elements = elements;
    this.text = text;
  }

  /**
   * The `type` attribute of a reference, otherwise the `xsi:type` of a polymorphic value, without its prefix. The
   * result of a task has both.
   */
  get type(): string | undefined {
    const attributes = Object.entries(this.#attributes);
    const type = this.#attributes['type'] ?? attributes.find(([name]) => name.endsWith(':type'))?.[1];
    return type?.replace(/^.*:/, '');
  }

  all(name: string): XmlElement[] {
    return this.elements.filter((element) => element.name === name);
  }

  /** The first child with this name, or at this dotted path of names. */
  find(path: string): XmlElement | undefined {
    const [first, ...rest] = path.split('.');
    const child = this.elements.find((element) => element.name === first);
    return rest.length === 0 ? child : child?.find(rest.join('.'));
  }

  textOf(path: string): string | undefined {
    return this.find(path)?.text;
  }

  /** A decimal integer such as `xsd:int` or `xsd:long`; undefined when the element is missing or is not an integer. */
  numberOf(path: string): number | undefined {
    const text = this.textOf(path)?.trim();
    return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
  }

  /** `xsd:boolean`: `true` or `1`. */
  isTrue(path: string): boolean {
    return ['true', '1'].includes(this.textOf(path)?.trim() ?? '');
  }
}

/**
 * The maximum number of tags, attribute values and references in a response, counted by their opening characters. Each
 * takes hundreds of bytes and some microseconds of parsing, during which no signal is handled. The longest valid
 * response (the hardware of 4,000 VMs in one page) has 1.5 million tags.
 */
const LIMITS = [
  { characters: '<', most: 2_000_000, what: 'it has more than two million tags' },
  { characters: '=', most: 2_000_000, what: 'it has more than two million attributes' },
  { characters: '&', most: 1_000_000, what: 'it has more than a million references' },
];
const MOST_OF_REASON = 200;

/** Parses a server's response. SOAP 1.1 section 3 forbids a document type declaration, which {@link readXml} rejects. */
export function parseXml(text: string, source: string): XmlElement {
  const refuse = (what: string, cause?: unknown): never => {
    throw new Hyper2kvmError(
      'transfer',
      `${source} sent a response that is not usable XML: ${foreignText(what, MOST_OF_REASON)}.`,
      {
        cause,
        retryable: true,
        hint: 'Check that the address is that of a vCenter or ESXi host, and that no proxy answers instead.',
      },
    );
  };
  const [root] = readXml<XmlElement>(text, {
    limits: LIMITS,
    refuse,
    build: ({ name, attributes, children, texts }) => {
      const own = texts.map((piece) => (piece.isCdata ? piece.text : decoded(piece.text)));
      const decodedAttributes = Object.entries(attributes).map(([key, value]) => [key, decoded(value)]);
      return new XmlElement(name.replace(/^.*:/, ''), Object.fromEntries(decodedAttributes), children, own.join(''));
    },
  });
  return root ?? refuse('it has no root element');
}

/** Leaves an unknown reference unchanged: it may be in a text that is never used. */
function decoded(text: string): string {
  return decodeXmlReferences(text, (_what, reference) => reference);
}
