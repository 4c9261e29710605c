import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { commitTime } from './project.ts';
import { outputOf } from './run-tool.ts';

/** Packs a folder with GNU tar. The same files give the same bytes. */
export function makeArchive(folder: string, archive: string): void {
  const time = `--mtime=@${commitTime()}`;
  const same = ['--sort=name', time, '--owner=0', '--group=0', '--numeric-owner', '--mode=u+rwX,go+rX,go-w'];
  const place = ['-C', dirname(folder), basename(folder)];
  outputOf('tar', [...same, '--format=ustar', '--use-compress-program=gzip -n', '-cf', archive, ...place]);
}

/** Writes SHA256SUMS for the files, in the format of `sha256sum -c`. */
export function writeSums(folder: string, files: readonly string[]): void {
  const lines = files.toSorted().map(
    (file) =>
      `${createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex')}  ${file}\n`,
  );
  writeFileSync(join(folder, 'SHA256SUMS'), lines.join(''));
}
