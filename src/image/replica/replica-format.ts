/** The formats in which each byte of the disk can have a fixed place in the file. */
export const REPLICA_FORMATS = ['qcow2', 'raw'] as const;
export type ReplicaFormat = (typeof REPLICA_FORMATS)[number];
