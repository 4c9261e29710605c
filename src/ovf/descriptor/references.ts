import { namesOfHref, unfitName } from '../files/file-href.ts';
import type { OvfElement, RefuseDescriptor } from './envelope.ts';
import { wholeNumber } from './sections.ts';

/** A file of the package, as the descriptor's References name it. */
export interface OvfFile {
  id: string;
  /** Relative to the descriptor, as it is written; see `namesOfHref`. Checked: it cannot lead out of the package. */
  href: string;
  /** Of the file as it lies there, all its chunks together: a claim, which writers get wrong (0 and -1 too). The attribute is optional. */
  sizeBytes: number | undefined;
  /** Compressed as a whole with gzip. */
  gzip: boolean;
  /** Cut into files `href.000000000`, `href.000000001`, … of this size (the last one less). */
  chunkBytes: number | undefined;
}

/** Reads the References (DSP0243, 7.1), in their order. */
export function readReferences(envelope: OvfElement, refuse: RefuseDescriptor): OvfFile[] {
  const elements = envelope.children('References').flatMap((section) => section.children('File'));
  const files = elements.map((element) => readFile(element, refuse));
  requireOnce(files.map(({ id }) => `the file id ${id}`));
  requireOnce(files.map(({ href }) => `the file ${href}`));
  return files;

  function requireOnce(texts: string[]): void {
    const seen = new Set<string>();
    for (const text of texts) {
      if (seen.has(text)) refuse(`it has ${text} twice`);
      seen.add(text);
    }
  }
}

function readFile(element: OvfElement, refuse: RefuseDescriptor): OvfFile {
  const href = element.attribute('href') ?? refuse('it has a file without a name');
  for (const name of namesOfHref(href)) {
    const fault = unfitName(name);
    if (fault !== undefined) refuse(`it names the file ${JSON.stringify(href.slice(0, 200))}, which ${fault}`);
  }
  const numberOf = (attribute: string): number | undefined => {
    const text = element.attribute(attribute);
    if (text === undefined || text === '') return undefined;
    return wholeNumber(text) ?? refuse(`it gives ${href} the ${attribute} ${JSON.stringify(text.slice(0, 40))}`);
  };
  const compression = element.attribute('compression') || 'identity';
  if (!['gzip', 'identity'].includes(compression)) {
    refuse(`its file ${href} has the unknown compression ${JSON.stringify(compression.slice(0, 40))}`);
  }
  // Some writers give a size of -1 for one that they do not know.
  const sizeText = element.attribute('size') ?? '';
  return {
    id: element.attribute('id') ?? refuse(`its file ${href} has no id`),
    href,
    sizeBytes: /^-\d{1,15}$/.test(sizeText) ? Number(sizeText) : numberOf('size'),
    gzip: compression === 'gzip',
    // Zero stands for "not in chunks".
    chunkBytes: numberOf('chunkSize') || undefined,
  };
}
