/* The disk: what a power cut may leave of a recorded database.
 *
 * What a finished sync covers is there. Of all that came after it every sector
 * of 512 bytes is, by itself, as it was or as it was written, or cut through;
 * sizes of files and names in the folder are old or new, too, and what a file
 * grew by without being written is zero or garbage. */
#ifndef DISK_H
#define DISK_H

#include "record.h"

#define DISK_SECTOR 512

struct disk;

/* A disk on which nothing of the record has happened yet. */
struct disk *disk_open(void);
void disk_close(struct disk *disk);

/* Let the next event of the record happen. False: there is none. */
bool disk_next(struct disk *disk);

/* Cut the power now, and write what is left to the files of a database at this
 * path; a file that is not there is removed. The seed alone decides about all
 * that is left to chance. False: the files cannot be written. */
bool disk_cut(const struct disk *disk, uint64_t seed, const char *path);

#endif
