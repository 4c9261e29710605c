import { record, string, unknown } from 'valibot';
import { readJson } from '../../../base/records/read-record.ts';
import type { NetworkMap } from '../../domain/types.ts';
import type { EncodeOptions } from '../../encode-options.ts';
import { FORMATS } from './formats.ts';
import type { ExportFormat, ExportOptions } from '../types.ts';

/** Each option of {@link ExportOptions} that changes the bytes of a result, by flag. `undefined` is the default of the option. */
type Ingredients = ReturnType<EncodeOptions<ExportFormat>['byFlag']> & {
  name: string | undefined;
  disk: readonly string[] | undefined;
  'exclude-disk': readonly string[] | undefined;
  hardware: string;
  network: unknown;
  bridge: unknown;
  mac: unknown;
  kubevirt: boolean;
  manifest: true | undefined;
  fix: string;
  key: readonly string[];
  root: string | undefined;
  'remove-vmware-tools': boolean;
  'serial-console': true | undefined;
  'virtio-win': string | undefined;
  customize: string | undefined;
  firstboot: string | undefined;
  'customize-network': true | undefined;
  'guest-agent': string | true | undefined;
  'from-snapshot': string | undefined;
};

/**
 * How the result of an export is made: exactly the export options that change the bytes of the result. Created once per
 * run. Resume, `--skip-existing` and `--if-changed` compare fingerprints, so that an earlier result made with other
 * options is never reused. A new option of `export` must be added here, unless it leaves the files identical.
 */
export class ExportRecipe {
  readonly #encode: EncodeOptions<ExportFormat>;
  readonly #ingredients: Ingredients;

  private constructor(encode: EncodeOptions<ExportFormat>, ingredients: Ingredients) {
    this.#encode = encode;
    this.#ingredients = ingredients;
  }

  get format(): ExportFormat {
    return this.#encode.format;
  }

  static of({
    encode,
    name,
    disks,
    hardware,
    networks,
    kubevirt,
    manifest,
    guest,
    power,
  }: ExportOptions): ExportRecipe {
    return new ExportRecipe(encode, {
      ...encode.byFlag(),
      name,
      disk: disks?.kind === 'only' ? disks.words : undefined,
      'exclude-disk': disks?.kind === 'except' ? disks.words : undefined,
      hardware,
      network: networks && mapOf(networks),
      bridge: networks?.bridges && mapOf(networks.bridges),
      mac: networks?.macs && [...networks.macs].toSorted(byName),
      kubevirt: kubevirt === true,
      manifest: manifest === true && FORMATS[encode.format].image !== undefined ? true : undefined,
      fix: guest.fix,
      // Only the path of a passphrase file: a record must not help to guess the passphrase.
      key: guest.keys.map(({ device, keyFile }) => `${device}:file:${keyFile}`),
      root: guest.root,
      'remove-vmware-tools': guest.removeVmwareTools,
      'serial-console': guest.serialConsole === true ? true : undefined,
      'virtio-win': guest.virtioWin,
      ...customizationOf(guest),
      'from-snapshot': power.kind === 'from-snapshot' ? power.name : undefined,
    });
  }

  /** Equal for two exports of the same VM content whose results have the same bytes. */
  fingerprint(): string {
    return JSON.stringify(this.#ingredients);
  }

  /** Equal for two exports whose downloaded files have the same bytes and container before the guest is changed. */
  downloadFingerprint(): string {
    const { format, ...encoding } = this.#encode.byFlag();
    const { disk, 'exclude-disk': excluded } = this.#ingredients;
    const container = { disks: FORMATS[format].diskExtension, isTar: format === 'ova' };
    return JSON.stringify({ ...container, ...encoding, disk, 'exclude-disk': excluded });
  }

  /**
   * The flags in which an earlier {@link fingerprint} differs, such as `--compress`. Empty when it is equal; all flags
   * for an unreadable fingerprint.
   */
  differencesFrom(fingerprint: string | undefined): string[] {
    const [earlier, own] = [new Map(parse(fingerprint)), new Map(parse(this.fingerprint()))];
    const names = new Set([...own.keys(), ...earlier.keys()]);
    return [...names].filter((name) => earlier.get(name) !== own.get(name)).map((name) => `--${name}`);
  }
}

/** Undefined for a map without content, which is the same as none. */
function mapOf({ all, of }: NetworkMap): unknown {
  return all === undefined && of.size === 0 ? undefined : { all, of: [...of].toSorted(byName) };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** The content of the files that a customization names; their paths before they have been read. */
function customizationOf({
  customize,
  customization,
}: ExportOptions['guest']): Pick<Ingredients, 'customize' | 'firstboot' | 'customize-network' | 'guest-agent'> {
  const { digests } = customization ?? {};
  const packages = digests?.['guest-agent'] || customize?.guestAgent?.packages;
  return {
    customize: digests?.customize || customize?.file,
    firstboot: digests?.firstboot || customize?.firstboot.join('\n') || undefined,
    'customize-network': customize?.network || undefined,
    'guest-agent': customize?.guestAgent && (packages ?? true),
  };
}

/** The options in a fingerprint, each with its value as JSON. */
function parse(fingerprint: string | undefined): [string, string][] {
  const options = readJson(fingerprint ?? '', record(string(), unknown())) ?? {};
  return Object.entries(options).map(([name, value]) => [name, JSON.stringify(value)]);
}
