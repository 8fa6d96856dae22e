/* Digest: what statements ask for, as one number. */
#ifndef WALPOOL_DIGEST_H
#define WALPOOL_DIGEST_H

#include "base.h"

/* Mix one more statement into a digest that begins with 0; `script` says that
 * its text holds many. Equal texts with equal values and expectations give
 * equal digests, in whatever layout or order of names the values come. Fails
 * as walpool__params_check does. */
walpool_status walpool__digest_add(uint64_t *digest,
                                   const walpool_statement *statement,
                                   bool script, walpool_error *err);

#endif
