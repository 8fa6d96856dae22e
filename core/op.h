/* Operations: what each walpool_op of a queue is. */
#ifndef WALPOOL_OP_H
#define WALPOOL_OP_H

#include "base.h"

enum walpool__op_lane {
    WALPOOL__OP_READ,
    WALPOOL__OP_WRITE,
    WALPOOL__OP_LEASE,
    WALPOOL__OP_WAIT,
    WALPOOL__OP_LANES
};

/* What the time in a queue means for an operation. */
enum walpool__op_lateness {
    WALPOOL__OP_UNTIMED, /* it takes no walpool_call */
    WALPOOL__OP_LATE,    /* begins, however late, with what time is left */
    WALPOOL__OP_EXPIRES  /* ends in the queue when its deadline passes */
};

struct walpool__op {
    enum walpool__op_lane lane;
    enum walpool__op_lateness lateness;
    bool takes_writer; /* it may, on a lease that has it not: then in WAIT */
};

/* NULL: there is no such operation. */
const struct walpool__op *walpool__op_find(int32_t op);

/* Call the public function, with `call` instead of the job's own. `out`
 * receives result, checkpoint and, on failure, the error; `cursor` that of
 * the rows, or NULL. */
walpool_status walpool__op_run(const walpool_job *job, const walpool_call *call,
                               walpool_completion *out,
                               walpool_cursor **cursor);

#endif
