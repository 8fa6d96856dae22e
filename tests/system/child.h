/* Child processes for the system tests: forked before the parent opens the
 * file, told and telling by pipes, one byte or number at a time. */
#ifndef CHILD_H
#define CHILD_H

#include "../core/api.h"

struct child {
    pid_t pid;
    int to, from; /* the parent's ends */
};

static int child_in = -1, child_out = -1; /* the child's ends */

/* In the child: tell the parent a number; wait for its word. */
static inline void
child_tell(int64_t number)
{
    CHECK_INT(write(child_out, &number, sizeof number), sizeof number);
}

static inline void
child_wait(void)
{
    char word;
    CHECK_INT(read(child_in, &word, 1), 1);
}

static inline void
child_run(void (*run)(int), int number, const int in[2], const int out[2])
{
    child_in = in[0];
    child_out = out[1];
    close(in[1]);
    close(out[0]);
    atomic_store(&check_failures, 0);
    check_thread = pthread_self();
    alarm(CHECK_SECONDS);
    if (setjmp(check_exit) == 0)
        run(number);
    fflush(stdout);
    _exit(atomic_load(&check_failures) != 0);
}

static inline struct child
child_start(void (*run)(int), int number)
{
    int in[2], out[2];
    check_folder();
    CHECK_INT(pipe(in), 0);
    CHECK_INT(pipe(out), 0);
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child_run(run, number, in, out);
    close(in[0]);
    close(out[1]);
    return (struct child){pid, in[1], out[0]};
}

/* In the parent: the next number; -1 when the child has ended. */
static inline int64_t
child_hear(const struct child *child)
{
    int64_t number;
    return read(child->from, &number, sizeof number) == sizeof number ? number
                                                                      : -1;
}

static inline void
child_go_on(const struct child *child)
{
    CHECK_INT(write(child->to, "x", 1), 1);
}

static inline int
child_status(struct child *child)
{
    int status = -1;
    CHECK_INT(waitpid(child->pid, &status, 0), child->pid);
    close(child->to);
    close(child->from);
    return status;
}

/* It ends by itself and all its checks held. */
static inline void
child_join(struct child *child)
{
    CHECK_INT(child_status(child), 0);
}

static inline void
child_kill(struct child *child)
{
    CHECK_INT(kill(child->pid, SIGKILL), 0);
    int status = child_status(child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#endif
