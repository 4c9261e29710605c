const NAMED_UNITS: readonly (readonly string[])[] = [
  ['byte', 'bytes', 'b'],
  ['kilobyte', 'kilobytes', 'kb'],
  ['megabyte', 'megabytes', 'mb'],
  ['gigabyte', 'gigabytes', 'gb'],
  ['terabyte', 'terabytes', 'tb'],
];

/**
 * Returns the bytes of one unit; undefined for an unknown unit. DSP0004, annex C "Programmatic Units": `byte`, `byte *
 * 2^20`, `byte * 10^9`, `byte * 1024`. Older VMware servers, VirtualBox and oVirt write `MegaBytes` and similar names,
 * and mean powers of 1024.
 */
export function bytesPerUnit(units = 'byte'): number | undefined {
  const text = units.trim().toLowerCase();
  const named = NAMED_UNITS.findIndex((names) => names.includes(text));
  if (named >= 0) return 1024 ** named;
  if (!/^byte(\s*\*\s*\d{1,10}(\s*\^\s*\d{1,2})?){1,4}$/.test(text)) return undefined;
  const factors = text.split('*').slice(1);
  return factors.reduce((product, factor) => {
    const [base, exponent] = factor.split('^').map(Number);
    return product * (base ?? 1) ** (exponent ?? 1);
  }, 1);
}
