/* Copies: is SQLite in this process more than once? */
#ifndef WALPOOL_COPIES_H
#define WALPOOL_COPIES_H

#include "fsinfo.h"

/* Count those that use the database of this -shm file right now. Each has one
 * descriptor of it, however many connections it has. */
int walpool__copies_count(const struct walpool__file_id *shm);

/* Name the files of the loaded code that holds an SQLite other than walpool's,
 * as "libone.so, libtwo.so"; "" where none is found. Takes milliseconds. */
void walpool__copies_name(char *dst, size_t bytes);

#endif
