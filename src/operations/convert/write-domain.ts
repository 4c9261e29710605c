import { writeFileAtomically } from '../../base/files/atomic-file.ts';
import type { VirtioSupport } from '../../domain/hardware-choice.ts';
import { PARTIAL_SUFFIX } from '../../base/output/member-names.ts';
import { makeDomain, type HardwareReport } from '../domain/make-domain.ts';
import type { Layout } from './layout.ts';
import { machineOf } from './described-machine.ts';
import type { ConvertedDisk, ConvertOptions } from './types.ts';

/** Writes the domain, or the manifest, of the source's machine as `.partial`, and tells what it runs on. Writes nothing where none is wanted. */
export async function writeDomain(
  { source, domainPath, disks }: Layout,
  converted: readonly ConvertedDisk[],
  { hardware: wanted, networks, kubevirt = false }: ConvertOptions,
  virtioSupport: VirtioSupport,
  signal: AbortSignal,
): Promise<HardwareReport | undefined> {
  if (domainPath === undefined || source.machine === undefined) return undefined;
  const images = converted.map(({ path, format, virtualSizeBytes }) => ({ path, format, virtualSizeBytes }));
  const machine = machineOf(
    source.machine,
    disks.map(({ uuid }) => uuid),
  );
  const request = { machine, images, wanted, virtioSupport, networks, kubevirt };
  const { text, hardware } = await makeDomain(request, signal);
  await writeFileAtomically(domainPath + PARTIAL_SUFFIX, text);
  return hardware;
}
