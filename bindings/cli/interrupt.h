/* Interrupt: the user wants it to end. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include "base.h"

/* From now on SIGINT and SIGTERM are only noted. */
void cli_interrupt_catch(void);
bool cli_interrupt_came(void);

#endif
