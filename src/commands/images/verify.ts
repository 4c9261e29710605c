import { Args, Flags } from '@oclif/core';
import { requireOpenFiles } from '../../base/files/open-files.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { verifyReport } from '../../cli/report/verify-report.ts';
import { VerifyProgress } from '../../cli/verify-progress.ts';
import type * as Verify from '../../operations/verify/verify.ts';
import type { VerifyResult } from '../../operations/verify/types.ts';
import { verifyDocument } from '../documents/verify-document.ts';

/** `hyper2kvm verify PATH...` */
export class VerifyCommand extends BaseCommand<VerifyResult> {
  static override summary = 'Verify an export, a package, a domain or a disk image.';
  static override description =
    'Checks that an earlier export, a generation or an image is still intact: the files and digests of manifests, the sizes in descriptors, the tables of every disk and of its backing chain, the refcounts of qcow2 images as qemu-img check does, compressed data, and the disks of libvirt domains. A folder is searched with its subfolders. Nothing is changed. The exit code is that of the first error found; warnings do not change it.';

  static override examples = [
    { description: 'Verify an export', command: '<%= config.bin %> verify web-01/' },
    {
      description: 'Verify all generations of all VMs, from cron: prints only problems',
      command: '<%= config.bin %> verify /srv/vms --quiet',
    },
    {
      description: 'Check an image without reading its data',
      command: '<%= config.bin %> verify /var/lib/libvirt/images/web-01.qcow2 --quick',
    },
  ];

  static override args = {
    source: Args.string({
      multiple: true,
      required: true,
      ignoreStdin: true,
      description:
        'Folder of exports, OVF, OVA, .vmx, manifest, XML of a libvirt domain, or disk image; detected from the content.',
    }),
  };

  static override flags = {
    quick: Flags.boolean({
      default: false,
      description: 'Read no data: check only names, sizes, tables and refcounts. Digests are not compared.',
    }),
  };

  #progress: VerifyProgress | undefined;

  protected operation(): Promise<Pick<typeof Verify, 'verify' | 'verifyProblem'>> {
    return import('../../operations/verify/verify.ts');
  }

  protected override document(result: VerifyResult): object {
    return verifyDocument(result);
  }

  protected override say(text: string): void {
    this.#progress?.clear();
    super.say(text);
  }

  async run(): Promise<VerifyResult> {
    const { args, flags } = await this.parse(VerifyCommand);
    this.quiet = flags.quiet;
    await requireOpenFiles();
    const { verify, verifyProblem } = await this.operation();
    const progress = this.quiet ? undefined : new VerifyProgress(process.stderr, this.env);
    this.#progress = progress;
    let result: VerifyResult;
    try {
      result = await verify(
        { paths: args.source, quick: flags.quick },
        { signal: this.signal, report: (event) => progress?.onEvent(event) },
      );
    } finally {
      progress?.clear();
      this.#progress = undefined;
    }
    const problem = verifyProblem(result);
    const { quiet } = this;
    if (!quiet || problem !== undefined || result.warnings > 0) {
      this.print(verifyReport(result, { ...this.look(), quiet }));
    }
    if (problem !== undefined) this.failWith(problem, { shown: true });
    return result;
  }
}
