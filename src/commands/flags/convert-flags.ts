import { Flags, type Interfaces } from '@oclif/core';
import { Hyper2kvmError } from '../../base/errors.ts';
import { readCount, readMode, readSize } from '../../cli/input/option-values.ts';
import { readFormat, readOutputName, readOutputPath } from '../../cli/input/output-path.ts';
import { LOG_FLAGS } from '../../cli/log/log-flags.ts';
import { PROGRESS_FLAGS } from '../../cli/progress/progress-flags.ts';
import { REPORT_FLAGS } from '../../cli/run-report/report-flags.ts';
import { EncodeOptions, SINK_FORMATS } from '../../operations/encode-options.ts';
import type { ConvertOptions } from '../../operations/convert/types.ts';
import {
  BOOT_TEST_ADDRESSES_FLAG,
  BOOT_TEST_FLAG,
  FIX_FLAGS,
  FIX_PLAN_FLAG,
  GUEST_NET_FLAG,
  readFixOptions,
  readGuestNetFile,
} from './fix-flags.ts';
import { COMPRESS_FLAG, needQcow2, readCompression } from './compress-flag.ts';
import { INPUT_FORMAT_FLAG, readInputFormat } from './input-format-flag.ts';
import { MANIFEST_FLAG, MODE_FLAG } from './file-flags.ts';
import { DOMAIN_FLAGS, readDomainOptions } from './domain-flags.ts';

/** The cluster size limits of qcow2: QEMU supports 9 to 21 cluster bits. */
const LEAST_CLUSTER_BYTES = 512;
const MOST_CLUSTER_BYTES = 2 * 1024 ** 2;
/** More disks than any VM has. */
const MOST_DISKS = 9999;

/** The flags of `convert`. Values with units are strings here; {@link readConvertOptions} parses them. */
export const CONVERT_FLAGS = {
  output: Flags.string({
    char: 'o',
    helpValue: 'PATH',
    description:
      'Output folder, or the output file of a single disk. Default: the current folder. A name that ends with / is a folder, which is created if it does not exist.',
  }),
  name: Flags.string({
    helpValue: 'NAME',
    description: 'Name of the output files and of the VM in the libvirt domain. Default: the name of the source.',
  }),
  'input-format': INPUT_FORMAT_FLAG,
  format: Flags.string({
    options: SINK_FORMATS,
    description:
      'Output format: qcow2; raw, sparse where the disk is zero; or vmdk, which is streamOptimized and meant for transport (QEMU can read it but not write to it). Default: the extension of --output, such as .raw, otherwise qcow2.',
  }),
  compress: COMPRESS_FLAG,
  'cluster-size': Flags.string({
    helpValue: 'SIZE',
    description: 'Cluster size of the qcow2 image, a power of two from 512 to 2M. Default: 64K. Needs --format qcow2.',
  }),
  verify: Flags.boolean({
    allowNo: true,
    description:
      'Read the result back and compare it with what was written. Default: only for sources without checksums. With --compress, --no-verify also copies the compressed data of a streamOptimized VMDK without checking it.',
  }),
  disk: Flags.string({
    helpValue: 'N',
    multiple: true,
    multipleNonGreedy: true,
    description:
      'Convert only the disk with this number, counting from 1. Can be repeated. No libvirt domain is written, because it would lack disks.',
  }),
  vm: Flags.string({
    helpValue: 'NAME',
    description: 'VM to convert from an OVF package that describes several: its name, or its ID in the descriptor.',
  }),
  configuration: Flags.string({
    helpValue: 'NAME',
    description:
      'Deployment configuration of the OVF package, which decides the disks, CPUs and memory of the VM. Default: the one that the package marks as default.',
  }),
  ...DOMAIN_FLAGS,
  ...FIX_FLAGS,
  'fix-plan': FIX_PLAN_FLAG,
  'guest-net': GUEST_NET_FLAG,
  force: Flags.boolean({
    char: 'f',
    default: false,
    description:
      'Overwrite existing files, and convert a raw disk that is shorter than its partition table or file system requires.',
  }),
  mode: MODE_FLAG,
  manifest: MANIFEST_FLAG,
  'boot-test': BOOT_TEST_FLAG,
  'boot-test-addresses': BOOT_TEST_ADDRESSES_FLAG,
  'dry-run': Flags.boolean({
    default: false,
    description: 'Show what the source is and what would be written, without writing anything.',
  }),
  ...PROGRESS_FLAGS,
  ...LOG_FLAGS,
  ...REPORT_FLAGS,
};

type ConvertFlagValues = Interfaces.InferredFlags<typeof CONVERT_FLAGS>;

/**
 * Parses the flags of `convert`.
 * @throws usage errors for invalid values and for incompatible flags.
 */
export function readConvertOptions(
  source: string,
  flags: ConvertFlagValues,
  env: NodeJS.ProcessEnv = process.env,
): ConvertOptions {
  if (source === '') throw new Hyper2kvmError('usage', 'SOURCE is empty.', { hint: 'Name a file.' });
  const output = readOutputPath(flags.output, env);
  const format = readFormat(flags.format, output, { formats: SINK_FORMATS, fallback: 'qcow2', isFile: true });
  if (flags.kubevirt && format === 'vmdk') {
    throw new Hyper2kvmError(
      'usage',
      '--kubevirt cannot be used with --format vmdk: KubeVirt does not run VMDK images.',
      {
        hint: 'Use --format qcow2 or --format raw.',
      },
    );
  }
  return {
    source,
    inputFormat: readInputFormat(flags['input-format']),
    output,
    name: readOutputName(flags.name),
    encode: new EncodeOptions({
      format,
      compression: readCompression(flags.compress, format),
      clusterBytes: readClusterSize(flags['cluster-size'], format),
    }),
    verify: flags.verify,
    disks: flags.disk?.map((text) => readCount('--disk', text, 1, MOST_DISKS)),
    vm: flags.vm,
    configuration: flags.configuration,
    ...readDomainOptions(flags),
    guest: readFixOptions(flags),
    guestNet: readGuestNetFile(flags['guest-net']),
    force: flags.force,
    mode: readMode('--mode', flags.mode),
    manifest: flags.manifest,
  };
}

function readClusterSize(text: string | undefined, format: string): number | undefined {
  if (text === undefined) return undefined;
  needQcow2('--cluster-size', format);
  const bytes = readSize('--cluster-size', text, LEAST_CLUSTER_BYTES, MOST_CLUSTER_BYTES);
  if (Number.isInteger(Math.log2(bytes))) return bytes;
  throw new Hyper2kvmError('usage', `--cluster-size must be a power of two, not "${text}".`, {
    hint: 'QEMU uses 64K by default; a smaller size suits many snapshots, a larger one very large disks.',
  });
}
