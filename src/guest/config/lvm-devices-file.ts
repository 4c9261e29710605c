/** An entry of LVM's devices file, `/etc/lvm/devices/system.devices` (lvmdevices(8)). */
export interface LvmDevicesEntry {
  /** `sys_wwid`, `sys_serial`, `devname`, `md_uuid`, `crypt_uuid`, ... */
  idType: string;
  idName: string;
  devName: string | undefined;
  /** 32 characters, without dashes. */
  pvId: string | undefined;
  /** The partition number on the device of the id. */
  partition: number | undefined;
  /** Counted from 1. */
  line: number;
}

export interface LvmDevicesFile {
  entries: readonly LvmDevicesEntry[];
  /** The DMI UUID of the machine for which the file was written, if it is recorded. */
  productUuid: string | undefined;
}

export function parseDevicesFile(text: string): LvmDevicesFile {
  const lines = text.split('\n');
  const entries = lines.flatMap((each, index) => {
    const values = new Map([...each.matchAll(/(\w+)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]));
    const idType = values.get('IDTYPE');
    if (each.trim().startsWith('#') || idType === undefined) return [];
    const part = Number(values.get('PART') ?? '');
    return [
      {
        idType,
        idName: values.get('IDNAME') ?? '.',
        devName: present(values.get('DEVNAME')),
        pvId: present(values.get('PVID'))?.replaceAll('-', ''),
        partition: part > 0 ? part : undefined,
        line: index + 1,
      },
    ];
  });
  const product = lines.find((line) => line.startsWith('PRODUCT_UUID='));
  return { entries, productUuid: product?.slice('PRODUCT_UUID='.length).trim() };
}

/** A dot represents an unknown value. */
function present(value: string | undefined): string | undefined {
  return value === undefined || value === '.' || value === '' ? undefined : value;
}
