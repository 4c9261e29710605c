/**
 * The environment variables that child processes need: paths of programs and files, language and time zone, and the
 * configuration of libguestfs, libvirt (with SSH, Kerberos and D-Bus) and virt-v2v.
 */
const NAMES: ReadonlySet<string> = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'TERM',
  'TZ',
  'TMPDIR',
  'LANG',
  'LANGUAGE',
  'LOCALE_ARCHIVE',
  'LD_LIBRARY_PATH',
  'DISPLAY',
  'SSH_AUTH_SOCK',
  'SSH_ASKPASS',
  'DBUS_SESSION_BUS_ADDRESS',
  'DBUS_SYSTEM_BUS_ADDRESS',
  'VIRTIO_WIN',
  'VIRT_TOOLS_DATA_DIR',
]);
const PREFIXES = ['LC_', 'XDG_', 'KRB5', 'LIBGUESTFS_', 'SUPERMIN_', 'LIBVIRT_', 'VIRSH_', 'QEMU_'];

/**
 * Returns the environment for a child process. Only listed variables are passed on. This program's own settings contain
 * passwords (HYPER2KVM_PASSWORD, GOVC_URL), and settings of other programs can too. A hypervisor and its guest do not
 * need them.
 */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => isListed(name)));
}

function isListed(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
