import { vmNameFor, type NamedVm } from '../vm-name.ts';

/** RFC 1123's limit for a label, which names of KubeVirt's machines become. */
const MOST_CHARACTERS = 63;
/** The longest end of a claim's name. */
const CLAIM_END = '-disk-9999';

/** A name as Kubernetes takes it: lower-case letters, digits and dashes. Different texts can give one name. */
export function kubernetesName(text: string, most = MOST_CHARACTERS): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-');
  return cut(plain.replace(/^-/, ''), most) || 'vm';
}

/** The name of a VM, which `kubectl apply` must not take for another one's. */
export function kubernetesVmName(vm: NamedVm): string {
  return vmNameFor(vm, MOST_CHARACTERS, kubernetesName);
}

/** The claim of a VM's disk, counted from 0: `web-01-disk-1`. Different disks have different names, however long that of the VM is. */
export function diskClaimName(vm: NamedVm, index: number): string {
  return `${vmNameFor(vm, MOST_CHARACTERS - CLAIM_END.length, kubernetesName)}-disk-${index + 1}`;
}

function cut(name: string, most: number): string {
  return name.slice(0, most).replace(/-+$/, '');
}
