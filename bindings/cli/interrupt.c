/* Interrupt: the user wants it to end.
 *
 * Does: note the signal.
 * Must not: end anything itself.
 * Lock: none. */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t came;

static void
on_signal(int number)
{
    (void)number;
    came = 1;
}

void
cli_interrupt_catch(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool
cli_interrupt_came(void)
{
    return came != 0;
}
