import type { OptionalValues } from '../input/optional-values.ts';
import type { SettingValue, Settings } from './profile.ts';

/** What oclif's parser tells about the flags of a call. */
export interface ParsedFlags {
  flags: Record<string, unknown>;
  metadata: { flags: Readonly<Record<string, { setFromDefault?: boolean } | undefined>> };
}

/**
 * Gives flags that the command line does not name the values of a profile, and returns the names of those that it set. `optionalValues` are the flags
 * whose value can be left out.
 */
export function applySettings(
  { flags, metadata }: ParsedFlags,
  settings: Settings,
  optionalValues: OptionalValues,
): string[] {
  const applied: string[] = [];
  for (const [name, value] of settings) {
    const isGiven = flags[name] !== undefined && metadata.flags[name]?.setFromDefault !== true;
    const effective = isGiven ? undefined : effectiveValue(value, optionalValues[name]?.bare);
    if (effective === undefined) continue;
    flags[name] = effective;
    applied.push(name);
  }
  return applied;
}

/** `compress: true` is `--compress` alone, and `compress: false` no `--compress`. */
function effectiveValue(value: SettingValue, optionalValue: string | undefined): SettingValue | undefined {
  if (optionalValue === undefined || typeof value !== 'boolean') return value;
  return value ? optionalValue : undefined;
}
