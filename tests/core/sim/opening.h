/* Opening: how simulated connections open. */
#ifndef OPENING_H
#define OPENING_H

/* So many times from now on a connection may fail to open. */
void opening_may_fail(int count);

#endif
