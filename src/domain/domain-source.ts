import type { VmConfig } from '../base/vm-config.ts';
import type { Architecture } from './architecture.ts';

/** A VM for which a domain can be created. */
export interface DomainSource extends VmConfig {
  architecture: Architecture;
}
