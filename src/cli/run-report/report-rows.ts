/** How good a state or a finding is: it chooses the color. */
export type ReportLevel = 'ok' | 'warning' | 'error' | 'neutral';

export interface ReportDisk {
  /** What the disk is in the source: its label, and its file. */
  label: string;
  source: string;
  file: string;
  capacityBytes: number;
  /** Of the file, if the disk has one of its own. */
  sizeBytes: number | undefined;
}

export interface ReportFile {
  path: string;
  sizeBytes: number;
  sha256: string | undefined;
}

export interface ReportCheck {
  level: ReportLevel;
  what: string;
  detail: string;
}

/** A NIC, its addresses on VMware, and those in the boot test. */
export interface ReportNic {
  mac: string;
  network: string;
  onVmware: string;
}

/** A sentence for the reader. */
export interface ReportNote {
  level: ReportLevel;
  text: string;
}

/** A screenshot. `data` is read when the report is written; undefined for one that cannot be shown. */
export interface ReportPicture {
  path: string;
  data?: Uint8Array | undefined;
}

/** A VM, or the source of a conversion. */
export interface ReportItem {
  name: string;
  state: string;
  level: ReportLevel;
  seconds: number | undefined;
  facts: (readonly [label: string, value: string])[];
  disks: ReportDisk[];
  files: ReportFile[];
  nics: ReportNic[];
  checks: ReportCheck[];
  notes: ReportNote[];
  picture: ReportPicture | undefined;
  /** The last lines of the serial console of a boot test. */
  console: readonly string[];
}

/** What a report shows, in the order in which all kinds of reports show it. */
export interface RunReport {
  /** `hyper2kvm export` */
  command: string;
  version: string;
  startedAt: Date;
  endedAt: Date;
  exitCode: number;
  facts: (readonly [label: string, value: string])[];
  notes: ReportNote[];
  items: ReportItem[];
}

/** An item without anything but its name and state. */
export function itemOf(name: string, state: string, level: ReportLevel): ReportItem {
  return {
    name,
    state,
    level,
    seconds: undefined,
    facts: [],
    disks: [],
    files: [],
    nics: [],
    checks: [],
    notes: [],
    picture: undefined,
    console: [],
  };
}

/** The facts that have a value. */
export function factsOf(facts: Readonly<Record<string, string | undefined>>): ReportItem['facts'] {
  return Object.entries(facts).flatMap(([label, value]) =>
    value === undefined || value === '' ? [] : [[label, value] as const],
  );
}

export function notesOf(level: ReportLevel, texts: readonly string[] = []): ReportNote[] {
  return texts.map((text) => ({ level, text }));
}
