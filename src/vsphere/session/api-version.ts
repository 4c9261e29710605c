import type { XmlElement } from '../soap/xml-element.ts';

/** For a server that does not report its versions: every supported server knows this one. */
export const FALLBACK_VERSION = '6.5';

/** The newest API version that this program's calls were written against. */
const NEWEST_KNOWN_VERSION = '9.0.0.0';

/** Returns the newest version of `urn:vim25` in `vimServiceVersions.xml` that both sides support. */
export function chooseApiVersion(versions: XmlElement): string {
  const vim = versions.all('namespace').find((namespace) => namespace.textOf('name')?.trim() === 'urn:vim25');
  const offered = [
    vim?.textOf('version'),
    ...(vim?.find('priorVersions')?.all('version') ?? []).map((each) => each.text),
  ]
    .map((version) => version?.trim() ?? '')
    .filter((version) => /^\d+(\.\d+)*$/.test(version));
  const usable = offered.filter((version) => compareVersions(version, NEWEST_KNOWN_VERSION) <= 0);
  return usable.toSorted(compareVersions).at(-1) ?? FALLBACK_VERSION;
}

/** Compares dotted version numbers part by part; a missing part is 0. */
function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split('.').map(Number));
  for (let part = 0; part < Math.max(a?.length ?? 0, b?.length ?? 0); part += 1) {
    const difference = (a?.[part] ?? 0) - (b?.[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
