/**
 * What programs that this one starts need of the environment: where programs and files are, language and time zone, and how libguestfs, libvirt
 * (with SSH, Kerberos and D-Bus) and virt-v2v are set up.
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
 * The environment for a program that this one starts. Only what is listed here is passed on: this program's own settings contain passwords
 * (HYPER2KVM_PASSWORD, GOVC_URL), and so may those of other programs, of which a hypervisor or its guest has no need.
 */
export function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => isListed(name)));
}

function isListed(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
