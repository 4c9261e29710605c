import type { FuzzFormat } from './format.ts';
import { SUBJECTS, type Subject } from './image-subjects.ts';
import { MutableImage } from './mutable-image.ts';
import { EDGE_NUMBERS, pick, type Random } from './random.ts';
import { readImage } from './read-image.ts';

/** Makes one to three changes to structures. */
function damage(image: MutableImage, { structures, seal }: Subject, random: Random): void {
  const ranges = structures(image.bytes);
  for (let hit = random(3); hit >= 0; hit--) {
    const [start, length] = pick(ranges, random);
    const at = start + (random(4) === 0 ? random(length) : random(Math.ceil(length / 4)) * 4);
    const value = pick(EDGE_NUMBERS, random);
    const low = Number(value & 0xffff_ffffn);
    switch (random(6)) {
      case 0:
        image.change(at, 1, (bytes) => bytes.writeUInt8(random(256)));
        break;
      case 1:
        image.change(at, 1, (bytes) => bytes.writeUInt8((bytes[0] ?? 0) ^ (1 << random(8))));
        break;
      case 2:
        image.change(at, 4, (bytes) => bytes.writeUInt32BE(low));
        break;
      case 3:
        image.change(at, 4, (bytes) => bytes.writeUInt32LE(low));
        break;
      case 4:
        image.change(at, 8, (bytes) =>
          random(2) === 0 ? bytes.writeBigUInt64BE(value) : bytes.writeBigUInt64LE(value),
        );
        break;
      default: {
        const [from] = pick(ranges, random);
        image.change(at, 8, (bytes) => image.bytes.copy(bytes, 0, from, from + 8));
      }
    }
  }
  // An invalid checksum is refused immediately, so most inputs get a correct one.
  if (seal !== undefined && random(8) !== 0) seal(image);
  image.write(random(10) === 0 ? random(image.bytes.length) : undefined);
}

/** Images that qemu-img creates: qcow2, VHD, VHDX, VDI. */
export const IMAGE_FORMATS: readonly FuzzFormat[] = Object.entries(SUBJECTS).map(([name, make]) => ({
  name,
  needsQemuImg: true,
  prepare: async (folder, qemuImg) => {
    const subjects = await make(qemuImg, folder);
    const images = subjects.map((subject) => ({ subject, image: new MutableImage(subject.path) }));
    return async (random) => {
      const { subject, image } = pick(images, random);
      damage(image, subject, random);
      try {
        await readImage(subject.path, folder);
      } finally {
        image.restore();
      }
    };
  },
}));
