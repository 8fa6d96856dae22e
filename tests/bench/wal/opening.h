/* Opening: how long it takes to open a database that exists. */
#ifndef BENCH_OPENING_H
#define BENCH_OPENING_H

/* A file of at least so many bytes, in rows of table filler, in `folder`: made once and kept.
 * Returns its path, which lasts until the next call. */
const char *opening_file(const char *folder, long megabytes);

/* Open, read one row, close: the body of a sample; `data` is the path. */
void opening_once(void *data);

#endif
