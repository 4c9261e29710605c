import type { ExportStep } from '../../../operations/events.ts';

/** The label of a step whose event has no text of its own. */
export const STEP_LABELS: Readonly<Record<ExportStep, string>> = {
  connect: 'Connecting',
  find: 'Finding the VM',
  preflight: 'Checking before the export',
  shutdown: 'Shutting down the guest',
  snapshot: 'Creating a temporary snapshot',
  lease: 'Requesting the export lease',
  download: 'Downloading',
  verify: 'Verifying',
  fix: 'Fixing the guest',
  descriptor: 'Writing the OVF descriptor',
  finish: 'Finalizing files',
  'boot-test': 'Booting the result',
  start: 'Starting the domain',
  'clean-up': 'Cleaning up',
};
