/** One VM in `hyper2kvm list`. */
export interface ListedVm {
  name: string;
  inventoryPath: string;
  moRef: string;
  /** `poweredOn`, `poweredOff` or `suspended`, as the server says it. */
  powerState: string;
  template: boolean;
  /** The guest's full name, or its id where the server has no name for it. */
  guest: string;
  disks: { label: string; capacityBytes: number }[];
  cpus: number;
  memoryBytes: number;
  /** The account may see that the VM is there, and no more: all but its name and place is empty. */
  unreadable: boolean;
  instanceUuid: string;
  biosUuid: string;
  /** The key of the extension that made the VM for itself, such as `com.vmware.vim.eam` for a vCLS VM; '' for a VM of the users. Patterns of `export` skip such VMs. */
  managedBy: string;
}
