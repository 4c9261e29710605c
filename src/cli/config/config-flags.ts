import { Flags } from '@oclif/core';

const helpGroup = 'GLOBAL';

/** The flags of every command that choose a profile. */
export const CONFIG_FLAGS = {
  config: Flags.string({
    helpGroup,
    helpValue: 'FILE',
    description:
      'Configuration file with profiles. Else HYPER2KVM_CONFIG, else hyper2kvm/config.yaml in $XDG_CONFIG_HOME or ~/.config, where it may be missing.',
  }),
  profile: Flags.string({
    helpGroup,
    helpValue: 'NAME',
    description:
      'Take settings from this profile of the configuration file. Else HYPER2KVM_PROFILE, else the profile default if there is one. Flags and the environment come before it; --no-NAME leaves its setting NAME out.',
  }),
};
