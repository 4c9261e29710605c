import type { ExportStep } from '../../operations/events.ts';

/** What a step is called when its event has no words of its own. */
export const STEP_LABELS: Readonly<Record<ExportStep, string>> = {
  connect: 'Connecting',
  find: 'Looking for the VM',
  preflight: 'Checking before the export',
  shutdown: 'Shutting the guest down',
  snapshot: 'Creating a temporary snapshot',
  lease: 'Asking for the export lease',
  download: 'Downloading',
  verify: 'Verifying',
  fix: 'Fixing the guest',
  descriptor: 'Writing the OVF descriptor',
  finish: 'Finishing the files',
  'boot-test': 'Booting what was made',
  'clean-up': 'Cleaning up',
};
