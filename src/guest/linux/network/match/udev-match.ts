import {
  globPattern,
  hasDriver,
  hasMac,
  hasPath,
  matchedNics,
  not,
  type NicTest,
  type RewrittenMatches,
  type SourceNic,
} from './source-nics.ts';

interface Condition {
  /** As written: `DRIVERS=="vmxnet3"`. */
  text: string;
  test: NicTest;
}

const CONDITION = /([A-Z]+(?:\{[^}]+\})?)\s*(==|!=)\s*"([^"]*)"/g;
/** A rule for NICs: by its subsystem, or by the kernel name of the NICs that it renames. */
const FOR_NICS = /SUBSYSTEMS?\s*==\s*"net"|KERNEL\s*==\s*"eth/;
const PCI_ADDRESS = /[0-9a-f*?]{2}:[0-9a-f*?]{2}\.[0-9*?]/i;

/**
 * Rewrites the conditions of udev rules for NICs that only VMware's hardware satisfies: drivers, PCI addresses, PCI
 * vendor and device ids. They become the MAC addresses of the NICs that satisfied them. A backslash at the end of a
 * line continues a rule.
 */
export function rewriteUdevMatch(text: string, nics: readonly SourceNic[]): RewrittenMatches {
  const details: string[] = [];
  const problems: string[] = [];
  const rewritten = text.replace(/^(?:[^\n]*\\\r?\n)*[^\n]*$/gm, (rule) => {
    if (rule.trimStart().startsWith('#') || !FOR_NICS.test(rule)) return rule;
    const conditions = conditionsOf(rule);
    if (conditions.length === 0) return rule;
    const words = conditions.map((each) => each.text).join(', ');
    const [, known] = /ATTR\{address\}\s*==\s*"([^"]*)"/.exec(rule) ?? [];
    const ofAddress = known === undefined ? [] : [hasMac(known.toLowerCase().split('|'))];
    const found = matchedNics(nics, [...conditions.map(({ test }) => test), ...ofAddress]);
    if ('unknown' in found) problems.push(`${words} is not changed, because ${found.unknown}`);
    if ('unknown' in found || found.macs.length === 0) return rule;
    const address = `ATTR{address}=="${found.macs.join('|')}"`;
    details.push(`${words} → ${address}`);
    return replaceConditions(rule, conditions, known === undefined ? address : undefined);
  });
  return { text: rewritten, details, problems };
}

/** The conditions that depend on the hardware and that not every NIC satisfies. */
function conditionsOf(rule: string): Condition[] {
  return [...rule.matchAll(CONDITION)].flatMap(([text, key = '', operator, value = '']) => {
    const test = /^[*?]*$/.test(value) ? undefined : testOf(key, value.split('|'));
    return test === undefined ? [] : [{ text, test: operator === '==' ? test : not(test) }];
  });
}

function testOf(key: string, values: readonly string[]): NicTest | undefined {
  if (key === 'DRIVERS' || key === 'ENV{ID_NET_DRIVER}') return hasDriver(values);
  if (key === 'ENV{ID_PATH}') return hasPath(values);
  if (key === 'KERNELS') {
    return values.every((value) => PCI_ADDRESS.test(value))
      ? hasPath(values.map((value) => `pci-${value}`))
      : undefined;
  }
  const patterns = values.map((value) => globPattern(value.toLowerCase()));
  const isOne = (id: string) => patterns.some((pattern) => pattern.test(id));
  if (key === 'ATTRS{vendor}' || key === 'ENV{ID_VENDOR_ID}') return ({ ids }) => ids && isOne(ids.vendor);
  if (key === 'ATTRS{device}' || key === 'ENV{ID_MODEL_ID}') return ({ ids }) => ids && isOne(ids.device);
  return undefined;
}

/**
 * The first condition becomes the MAC address; the others are removed with their commas. A rule that already has the
 * MAC address needs none of them.
 */
function replaceConditions(rule: string, conditions: readonly Condition[], address: string | undefined): string {
  const [first, ...more] = conditions.map(({ text }) => text);
  const going = address === undefined ? [first ?? '', ...more] : more;
  const placed = address === undefined ? rule : rule.replace(first ?? '', () => address);
  return going.reduce((text, condition) => {
    const at = text.indexOf(condition);
    const [comma = ''] = /^\s*,[ \t]*/.exec(text.slice(at + condition.length)) ?? [];
    return text.slice(0, at) + text.slice(at + condition.length + comma.length);
  }, placed);
}
