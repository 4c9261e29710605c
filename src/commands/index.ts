import { ConvertCommand } from './convert.ts';
import { ExportCommand } from './export.ts';
import { ListCommand } from './list.ts';
import { StatusCommand } from './status.ts';

/** The commands by name, for oclif's explicit strategy. Each loads its operation when it runs. */
export const COMMANDS = { convert: ConvertCommand, export: ExportCommand, list: ListCommand, status: StatusCommand };
