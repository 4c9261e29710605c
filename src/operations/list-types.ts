/** One VM in `hyper2kvm list`. */
export interface ListedVm {
  name: string;
  inventoryPath: string;
  moRef: string;
  /** `poweredOn`, `poweredOff` or `suspended`, as the server reports it. */
  powerState: string;
  template: boolean;
  /** The guest's full name, or its id if the server has no name for it. */
  guest: string;
  disks: { label: string; capacityBytes: number }[];
  cpus: number;
  memoryBytes: number;
  /** The account may see only that the VM exists: everything except its name and place is empty. */
  unreadable: boolean;
  instanceUuid: string;
  biosUuid: string;
  /**
   * The key of the extension that created the VM for itself, such as `com.vmware.vim.eam` for a vCLS VM; '' for a
   * user's VM. Patterns of `export` skip managed VMs.
   */
  managedBy: string;
}
