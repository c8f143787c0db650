/**
 * What runs a program so that a folder is a disk of one megabyte to it: command lines follow. It is in a name space of the program alone, so
 * that nobody has to be root, and gone when that ends.
 */
export const onSmallDisk = (folder: string): readonly string[] => [
  ...["unshare", "--map-root-user", "--mount", "sh", "-c"],
  ...['mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', folder],
];
