/* Submit: the public face of queues. walpool_queue_open, _fd, walpool_submit,
 * walpool_completions and walpool_queue_close are all there is. */
#ifndef WALPOOL_SUBMIT_H
#define WALPOOL_SUBMIT_H

#include "queue.h"

#endif
