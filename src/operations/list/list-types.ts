/** Whether a VM can be exported as it is now. */
export interface ExportCheck {
  /** `snapshot`: it is not powered off, so that it needs `--snapshot`, or `--shutdown` if it runs. */
  exportable: 'yes' | 'snapshot' | 'no';
  /** Why not, each with a remedy. */
  problems: { detail: string; hint?: string }[];
  /** What an export would leave out or warn about. */
  warnings: string[];
}

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
  /** Bytes that the VM's files occupy on its datastores; null if the server does not report it. */
  usedBytes: number | null;
  /** Names of the datastores with its configuration and disks. */
  datastores: string[];
  /** The name of the ESXi host; '' if the account may not see it. */
  host: string;
  /** The inventory path without the name. */
  folder: string;
  /** Present if requested. */
  check?: ExportCheck;
  instanceUuid: string;
  biosUuid: string;
  /**
   * The key of the extension that created the VM for itself, such as `com.vmware.vim.eam` for a vCLS VM; '' for a
   * user's VM. Patterns of `export` skip managed VMs.
   */
  managedBy: string;
}
