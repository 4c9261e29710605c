import type { OptionalValues } from '../input/optional-values.ts';
import type { SettingValue, Settings } from './profile.ts';

/** The flag data from oclif's parser. */
export interface ParsedFlags {
  flags: Record<string, unknown>;
  metadata: { flags: Readonly<Record<string, { setFromDefault?: boolean } | undefined>> };
}

/**
 * Sets flags that the command line does not set from a profile, and returns the names of those that it set.
 * `optionalValues` are the flags with an optional value.
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

/** `compress: true` means `--compress` without a value, and `compress: false` means no `--compress`. */
function effectiveValue(value: SettingValue, optionalValue: string | undefined): SettingValue | undefined {
  if (optionalValue === undefined || typeof value !== 'boolean') return value;
  return value ? optionalValue : undefined;
}
