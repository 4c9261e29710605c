import { readFileSync } from 'node:fs';
import { BUNDLED_WORKER } from './bundled-worker-path.ts';

/** The name that worker-pool.ts reads, and that the bundler of the program defines. */
Object.assign(globalThis, { BUNDLED_COPY_WORKER: readFileSync(BUNDLED_WORKER, 'utf8') });
