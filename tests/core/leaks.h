/* Blocks of memory that the core has, and has not freed yet. The program is
 * linked with leaks.c and the arguments `leaks_link_args` of meson. */
#ifndef LEAKS_H
#define LEAKS_H

/* 0 where the linker cannot put leaks.c between the core and its memory. */
long leaks_blocks(void);

#endif
