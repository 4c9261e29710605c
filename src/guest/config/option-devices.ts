/** A device that a mount option names. */
export interface OptionDevice {
  /** `logdev=/dev/sdb1` */
  option: string;
  key: string;
  spec: string;
}

/**
 * The options of file systems with a second device: further devices of btrfs, the external log and the realtime device
 * of XFS, the journal of ext4 and reiserfs.
 */
const OPTION = /^(device|logdev|rtdev|journal_path|jdev)=(\/dev\/.+)$/;

export function optionDevices(options: readonly string[]): OptionDevice[] {
  return options.flatMap((option) => {
    const [, key, spec] = OPTION.exec(option) ?? [];
    return key === undefined || spec === undefined ? [] : [{ option, key, spec }];
  });
}
