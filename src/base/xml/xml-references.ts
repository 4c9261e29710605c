const NAMED = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * Decodes the five predefined XML references and numeric references. Any other reference is replaced with the result of
 * `onUnknown`, which can throw.
 */
export function decodeXmlReferences(value: string, onUnknown: (what: string, reference: string) => string): string {
  if (!value.includes('&')) return value;
  return value.replace(/&([^;]*);?/g, (whole, reference: string) => {
    const named = NAMED.get(reference);
    if (named !== undefined) return named;
    const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|(\d{1,7}))$/i.exec(reference) ?? [];
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff
      ? String.fromCodePoint(code)
      : onUnknown(`it uses the unknown entity ${whole.slice(0, 40)}`, whole);
  });
}
