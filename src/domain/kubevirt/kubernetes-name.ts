import { vmNameFor, type NamedVm } from '../vm-name.ts';

/** RFC 1123's limit for a label. KubeVirt turns VM names into labels. */
const MOST_CHARACTERS = 63;
/** The longest suffix of a claim's name. */
const CLAIM_END = '-disk-9999';

/** A valid Kubernetes name: lower-case letters, digits and dashes. Different texts can result in the same name. */
export function kubernetesName(text: string, most = MOST_CHARACTERS): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{Mark}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-');
  return cut(plain.replace(/^-/, ''), most) || 'vm';
}

/** A VM name that is unique to the VM, so that `kubectl apply` does not update another VM. */
export function kubernetesVmName(vm: NamedVm): string {
  return vmNameFor(vm, MOST_CHARACTERS, kubernetesName);
}

/**
 * The claim of a VM's disk, with `index` counted from 0: `web-01-disk-1`. Different disks have different names,
 * however long the VM's name is.
 */
export function diskClaimName(vm: NamedVm, index: number): string {
  return `${vmNameFor(vm, MOST_CHARACTERS - CLAIM_END.length, kubernetesName)}-disk-${index + 1}`;
}

function cut(name: string, most: number): string {
  return name.slice(0, most).replace(/-+$/, '');
}
