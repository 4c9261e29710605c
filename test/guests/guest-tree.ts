import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readAptSource } from './apt-source.ts';
import { runInTree } from './chroot.ts';
import type { GuestRecipe } from './recipe.ts';
import { REPORT_FILES } from './report-files.ts';
import type { StepRunner } from './run-step.ts';

/** Makes the tree of a guest's files in an empty folder: the base with the recipe's packages and files. */
export async function buildGuestTree(
  recipe: GuestRecipe,
  baseTar: string,
  tree: string,
  steps: StepRunner,
): Promise<void> {
  await chmod(tree, 0o755);
  await steps.run('tar', ['-C', tree, '--numeric-owner', '-xpf', baseTar]);
  await installPackages(recipe, tree, steps);
  await writeFiles(tree, {
    ...REPORT_FILES,
    ...recipe.files,
    '/etc/hostname': `${recipe.name}\n`,
    '/etc/machine-id': `${createHash('md5').update(recipe.name).digest('hex')}\n`,
  });
  await runInTree(steps, tree, finish(recipe));
}

async function installPackages(recipe: GuestRecipe, tree: string, steps: StepRunner): Promise<void> {
  const source = await readAptSource(steps);
  const packages = ['grub-pc', ...recipe.packages].join(' ');
  // No daemon of the guest starts on the host that builds it.
  const commands = `
    echo 'grub-pc grub-pc/install_devices multiselect' | debconf-set-selections
    echo 'grub-pc grub-pc/install_devices_empty boolean true' | debconf-set-selections
    printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    apt-get install -y --no-install-recommends ${packages}
    apt-get clean
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /etc/apt/sources.list /etc/resolv.conf /var/cache/debconf/*-old
    : >/etc/apt/sources.list
    rm /usr/sbin/policy-rc.d`;
  await runInTree(steps, tree, commands, source.env);
}

async function writeFiles(tree: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(tree, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await chmod(path, name.includes('/sbin/') ? 0o755 : name.includes('/system-connections/') ? 0o600 : 0o644);
  }
}

function finish(recipe: GuestRecipe): string {
  return `
    echo root:hyper2kvm | chpasswd
    systemctl enable guest-report.service
    ${recipe.prepare ?? ''}
  `;
}
