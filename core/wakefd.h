/* Wake-up descriptor: readable while somebody should look. */
#ifndef WALPOOL_WAKEFD_H
#define WALPOOL_WAKEFD_H

#include "base.h"

struct walpool__wakefd {
    int read_fd;  /* the one to poll */
    int write_fd; /* the same, where the system has eventfd */
};

/* Returns 0 or an errno. */
int walpool__wakefd_open(struct walpool__wakefd *wakefd);
void walpool__wakefd_close(struct walpool__wakefd *wakefd);

void walpool__wakefd_ring(struct walpool__wakefd *wakefd);  /* now readable */
void walpool__wakefd_quiet(struct walpool__wakefd *wakefd); /* no longer */

#endif
