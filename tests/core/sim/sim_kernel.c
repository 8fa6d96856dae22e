/* Sim: core/sidelock.h, as Linux does open-file-description locks.
 *
 * Waiters stand in line for who holds the lock. When he lets go, the first of
 * them is woken to try again, and those behind him wait for him. Until he has
 * tried, anybody may take the lock; then he goes to the end of the line of
 * that one, and takes those behind him along. A crash frees the locks of the
 * process and takes its threads out of all lines.
 *
 * Shares of a lock are for the line alone: everybody gets one at once.
 *
 * Does: what the kernel does with four bytes of each file.
 * Must not: know turns.
 * Lock: none, there is one real thread. */
#include "kernel.h"

#include <errno.h>
#include <string.h>

#include "run.h"
#include "sim.h"

enum { FILES = 4, OPENED = 32, BYTES = 3, THREADS = 64 };

struct request {
    bool waits;               /* is in a line, or was woken to try again */
    bool woken;
    int opened;
    enum walpool__sidelock_byte byte;
    struct request *next;     /* in the same line */
    struct request *behind;   /* woken: the line that it was the first of */
};

struct opened {
    bool in_use;
    int file, process;
};

struct lock {
    int holder; /* index of an opened file + 1 */
    struct request *line;
};

static struct {
    char paths[FILES][64];
    struct opened opened[OPENED];
    struct lock locks[FILES][BYTES];
    uint64_t shares[FILES]; /* of WALPOOL__SIDELOCK_LINE, a bit for each opened */
    struct request requests[THREADS];
    int file_count, opened_count;
    int setbacks[OPENED];
    bool polite[OPENED];
} kernel;

static void
begin(void)
{
    memset(&kernel, 0, sizeof kernel);
}

static struct lock *
lock_of(int opened, enum walpool__sidelock_byte byte)
{
    return &kernel.locks[kernel.opened[opened].file][byte];
}

/* -------------------------------------------------------------------- lines */

static void
append(struct request **line, struct request *more)
{
    while (*line != NULL)
        line = &(*line)->next;
    *line = more;
}

static void
wake_first(struct request *line)
{
    if (line == NULL)
        return;
    line->woken = true;
    line->behind = line->next;
    line->next = NULL;
}

static void
let_go(struct lock *lock)
{
    struct request *line = lock->line;
    lock->holder = 0;
    lock->line = NULL;
    wake_first(line);
}

static bool
take(struct lock *lock, int opened)
{
    if (lock->holder != 0 && lock->holder != opened + 1)
        return false;
    lock->holder = opened + 1;
    return true;
}

/* Woken, and the lock is somebody else's again. */
static void
line_up_again(struct lock *lock, struct request *request)
{
    request->woken = false;
    request->next = request->behind;
    request->behind = NULL;
    for (struct request *one = request; one != NULL; one = one->next)
        if (one->byte == WALPOOL__SIDELOCK_QUEUE)
            kernel.setbacks[kernel.opened[one->opened].process]++;
    append(&lock->line, request);
}

static bool
is_woken(const void *request)
{
    return ((const struct request *)request)->woken;
}

static void
remove_from(struct request **line, struct request *request)
{
    while (*line != NULL && *line != request)
        line = &(*line)->next;
    if (*line != NULL)
        *line = request->next;
}

/* A thread is no more: those behind it go on. */
static void
forget_thread(int thread)
{
    struct request *request = &kernel.requests[thread];
    if (!request->waits)
        return;
    request->waits = false;
    if (request->woken) {
        wake_first(request->behind);
        return;
    }
    remove_from(&lock_of(request->opened, request->byte)->line, request);
    for (int i = 0; i < THREADS; i++)
        if (kernel.requests[i].waits)
            remove_from(&kernel.requests[i].behind, request);
}

/* ------------------------------------------------------------ the interface */

static int
file_named(const char *path)
{
    for (int i = 0; i < kernel.file_count; i++)
        if (strcmp(kernel.paths[i], path) == 0)
            return i;
    SIM_CHECK(kernel.file_count < FILES, "more than %d files", FILES);
    strncpy(kernel.paths[kernel.file_count], path, sizeof kernel.paths[0] - 1);
    return kernel.file_count++;
}

int
walpool__sidelock_open(const char *path, const char *database)
{
    int opened = kernel.opened_count++;
    (void)database;
    SIM_CHECK(opened < OPENED, "more than %d open files", OPENED);
    kernel.opened[opened] =
        (struct opened){true, file_named(path), sim_process()};
    return opened;
}

static void
close_one(int opened)
{
    for (int byte = 0; byte < BYTES; byte++) {
        struct lock *lock = lock_of(opened, (enum walpool__sidelock_byte)byte);
        if (lock->holder == opened + 1)
            let_go(lock);
    }
    kernel.shares[kernel.opened[opened].file] &= ~(UINT64_C(1) << opened);
    kernel.opened[opened].in_use = false;
}

static void
must_be_open(int fd, const char *what)
{
    SIM_CHECK(fd >= 0 && fd < kernel.opened_count && kernel.opened[fd].in_use,
              "%s a file that is closed", what);
}

void
walpool__sidelock_close(int fd)
{
    if (fd < 0)
        return;
    sim_point("close file", NULL);
    must_be_open(fd, "closes");
    for (int i = 0; i < THREADS; i++)
        SIM_CHECK(!kernel.requests[i].waits || kernel.requests[i].opened != fd,
                  "closes a file on which a thread waits for a lock");
    close_one(fd);
}

enum verb { TRY, LOCK, WAIT, UNLOCK };

static const char *
doing(enum verb verb, enum walpool__sidelock_byte byte)
{
    static const char *const texts[][BYTES] = {
        {"try turn lock", "try queue lock", "try copy lock"},
        {"lock turn", "lock queue", "lock copy"},
        {"wait for turn lock", "wait for queue lock", "wait for copy lock"},
        {"unlock turn", "unlock queue", "unlock copy"}};
    return texts[verb][byte];
}

int
walpool__sidelock_try(int fd, enum walpool__sidelock_byte byte)
{
    bool mine;
    sim_point(doing(TRY, byte), NULL);
    must_be_open(fd, "tries to lock");
    mine = take(lock_of(fd, byte), fd);
    sim_note("%s", mine ? "  locked" : "  in use");
    return mine ? 0 : EAGAIN;
}

int
walpool__sidelock_wait(int fd, enum walpool__sidelock_byte byte)
{
    struct request *request = &kernel.requests[sim_self()];
    const struct sim_sleep sleep = {
        .what = doing(WAIT, byte),
        .ready = is_woken, .arg = request, .deadline_ns = SIM_NEVER};
    struct lock *lock = lock_of(fd, byte);
    sim_must_hold_none("wait for a file lock");
    sim_point(doing(LOCK, byte), NULL);
    must_be_open(fd, "locks");
    if (take(lock, fd))
        return 0;
    *request = (struct request){.waits = true, .opened = fd, .byte = byte};
    append(&lock->line, request);
    sim_wait(&sleep);
    while (!take(lock, fd)) {
        line_up_again(lock, request);
        sim_wait(&sleep);
    }
    append(&lock->line, request->behind);
    request->waits = request->woken = false;
    request->behind = NULL;
    return 0;
}

void
walpool__sidelock_join(int fd)
{
    sim_point("join the line", NULL);
    must_be_open(fd, "joins the line of");
    kernel.polite[kernel.opened[fd].process] = false;
    kernel.shares[kernel.opened[fd].file] |= UINT64_C(1) << fd;
}

static void
leave_line(int fd)
{
    sim_point("leave the line", NULL);
    must_be_open(fd, "leaves the line of");
    kernel.shares[kernel.opened[fd].file] &= ~(UINT64_C(1) << fd);
}

static bool
are_others_in_line(int fd)
{
    uint64_t others = kernel.shares[kernel.opened[fd].file];
    kernel.polite[kernel.opened[fd].process] =
        (others & ~(UINT64_C(1) << fd)) != 0;
    return kernel.polite[kernel.opened[fd].process];
}

bool
walpool__sidelock_is_others(int fd, enum walpool__sidelock_byte byte)
{
    sim_point("ask for a lock", NULL);
    must_be_open(fd, "asks for a lock of");
    if (byte == WALPOOL__SIDELOCK_LINE)
        return are_others_in_line(fd);
    return lock_of(fd, byte)->holder != 0 &&
           lock_of(fd, byte)->holder != fd + 1;
}

void
walpool__sidelock_give(int fd, enum walpool__sidelock_byte byte)
{
    if (byte == WALPOOL__SIDELOCK_LINE) {
        leave_line(fd);
        return;
    }
    sim_point(doing(UNLOCK, byte), NULL);
    must_be_open(fd, "unlocks");
    if (lock_of(fd, byte)->holder == fd + 1)
        let_go(lock_of(fd, byte));
}

/* --------------------------------------------------------------- whole runs */

static void
forget_process(int process)
{
    for (int i = 0; i < kernel.opened_count; i++)
        if (kernel.opened[i].in_use && kernel.opened[i].process == process)
            close_one(i);
}

static const char *
end(void)
{
    for (int i = 0; i < kernel.opened_count; i++)
        if (kernel.opened[i].in_use)
            return "a file is left open";
    return NULL;
}

const struct run_part sim_kernel_part = {begin, forget_thread, forget_process,
                                         end};

/* ------------------------------------------------------------------- asking */

int
kernel_holder(enum walpool__sidelock_byte byte)
{
    int holder = kernel.locks[0][byte].holder;
    return holder != 0 ? kernel.opened[holder - 1].process : -1;
}

bool
kernel_waits(int process, enum walpool__sidelock_byte byte)
{
    for (int i = 0; i < THREADS; i++) {
        const struct request *request = &kernel.requests[i];
        if (request->waits && request->byte == byte &&
            kernel.opened[request->opened].process == process)
            return true;
    }
    return false;
}

int
kernel_setbacks(int process)
{
    return kernel.setbacks[process];
}

bool
kernel_lets_others_in(int process)
{
    return kernel.polite[process];
}
