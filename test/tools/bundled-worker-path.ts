import { fileURLToPath } from 'node:url';

export const BUNDLED_WORKER = fileURLToPath(
  new URL('../../node_modules/.cache/hyper2kvm-test-worker/copy-worker.cjs', import.meta.url),
);
