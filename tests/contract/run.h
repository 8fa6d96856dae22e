/* One running scenario: its folder, its objects, and what a step answered. */
#ifndef RUN_H
#define RUN_H

#include <pthread.h>

#include "value.h"

#define RUN_OBJECTS_MAX 64
#define RUN_RESULTS_MAX 16
#define RUN_LEASES_MAX 16

enum object_kind {
    DATABASE, LEASE, ITERATOR, PREPARED, TOKEN, HEALTH, BACKGROUND
};

struct run;

struct object {
    char name[48];
    enum object_kind kind;
    int ended;
    void *handle;      /* of a database, lease, token or prepared statement */
    walpool_rows rows; /* iterator: the block it is in */
    size_t position;   /* iterator: the next row of it */
    walpool_health health;
    pthread_t thread; /* background */
    const struct json *step;
    struct run *run;
    char reason[1024];
};

struct run {
    char folder[256];
    pthread_mutex_t lock; /* guards the list of objects, not the objects */
    struct object objects[RUN_OBJECTS_MAX];
    size_t object_count;
    char *remembered; /* what `remember` saw */
    char reason[1024];
};

/* What a step gave. An error of the runner itself has status -1. */
struct answer {
    int status;
    walpool_error err;
    const struct json *step;
    struct table table;
    struct table results[RUN_RESULTS_MAX];
    size_t result_count;
    int has_checkpoint, has_health, has_leases, has_numbers;
    walpool_checkpoint_result checkpoint;
    walpool_health health, since;
    walpool_lease_info leases[RUN_LEASES_MAX];
    size_t lease_count;
};

typedef void step_function(struct run *run, const struct json *step,
                           struct answer *answer);

/* The step of this name, or NULL. */
step_function *step_sql_find(const char *name);
step_function *step_object_find(const char *name);
step_function *step_file_find(const char *name);
step_function *step_process_find(const char *name);

/* What `main` does where another process was asked for: its exit status. -1:
 * it was not. */
int process_main(int argc, char **argv);

/* Do one step and check it: 1, or 0 with the reason (1024 bytes). */
int run_step(struct run *run, const struct json *step, char *reason);

/* Check an answer against `expect`: 1, or 0 with the reason. */
int expect_check(struct run *run, const struct json *step,
                 const struct answer *answer, char *reason);

/* Objects. run_find is NULL where there is none of that name. */
struct object *run_find(struct run *run, const char *name);
struct object *run_add(struct run *run, const char *name, enum object_kind kind,
                       void *handle);

/* The object of `on`, `db` without; NULL after answering with an error. */
struct object *run_target(struct run *run, const struct json *step,
                          struct answer *answer);

/* End it; WALPOOL_OK for what is ended or ends by itself. */
walpool_status run_end(struct object *object, walpool_error *err);

/* `text` with ${dir} replaced, in memory of the caller to free. */
char *run_expand(struct run *run, const char *text);

/* Deadline, token, label, durability and flags of a step. */
walpool_call run_call(struct run *run, const struct json *step, uint32_t flags);

void answer_fail(struct answer *answer, const char *format, ...);
void answer_finish(struct answer *answer);

#endif
