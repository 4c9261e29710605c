/** RFC 1123's limit for a label, which names of KubeVirt's machines become. */
const MOST_CHARACTERS = 63;

/** A name as Kubernetes takes it: lower-case letters, digits and dashes. */
export function kubernetesName(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-');
  return cut(plain.replace(/^-/, ''), MOST_CHARACTERS) || 'vm';
}

/** The claim of a machine's disk, counted from 0: `web-01-disk-1`. Different disks have different names, however long that of the machine is. */
export function diskClaimName(vm: string, index: number): string {
  const end = `-disk-${index + 1}`;
  return cut(vm, MOST_CHARACTERS - end.length) + end;
}

function cut(name: string, most: number): string {
  return name.slice(0, most).replace(/-+$/, '');
}
