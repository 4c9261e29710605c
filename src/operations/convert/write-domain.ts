import { basename } from 'node:path';
import type { FolderOutput } from '../../base/output/folder-output.ts';
import type { VirtioSupport } from '../../domain/hardware-choice.ts';
import { makeDomain, type HardwareReport } from '../domain/make-domain.ts';
import type { Layout } from './layout.ts';
import { machineOf } from './described-machine.ts';
import type { ConvertedDisk, ConvertOptions } from './types.ts';

/**
 * Writes the domain or the manifest of the source's VM as a complete file of the output, and returns the hardware
 * that it uses. Writes nothing if none is requested.
 */
export async function writeDomain(
  { source, domainPath, disks }: Layout,
  output: FolderOutput,
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
  await output.writeText(basename(domainPath), text);
  return hardware;
}
