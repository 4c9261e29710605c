import { Flags } from '@oclif/core';

const helpGroup = 'GLOBAL';

/** The flags that select a profile, for every command. */
export const CONFIG_FLAGS = {
  config: Flags.string({
    helpGroup,
    helpValue: 'FILE',
    description:
      'Configuration file with profiles. Default: HYPER2KVM_CONFIG, then hyper2kvm/config.yaml in $XDG_CONFIG_HOME or ~/.config if it exists.',
  }),
  profile: Flags.string({
    helpGroup,
    helpValue: 'NAME',
    description:
      'Profile of the configuration file to take settings from. Default: HYPER2KVM_PROFILE, then the profile "default" if it exists. Flags and environment variables override a profile; --no-NAME ignores its setting NAME.',
  }),
};
