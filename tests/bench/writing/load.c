/* Load: processes with threads that write at once, and what each met.
 *
 * The counters live in memory that all processes share. Everybody opens and
 * reports ready; then the beginning is set a little ahead, so that all start
 * together. A write that has begun is waited for and its time counts, however
 * long; as work done it counts only if it ended in time.
 *
 * This process forks, so it has no database open meanwhile. */
#include "load.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "histogram.h"
#include "sample.h"

enum { WORKERS_MOST = 64 };

#define LEAD_SECONDS 0.02

struct counts {
    int64_t in_time, late; /* acknowledged before and after the end */
    int64_t errors;
    struct histogram waits;
};

struct arena {
    pid_t parent;
    atomic_int ready;
    _Atomic double begin; /* 0: not yet */
    struct counts counts[WORKERS_MOST];
};

struct worker {
    const struct load *load;
    struct arena *arena;
    struct writer writer;
    pthread_t thread;
};

static void
nap(void)
{
    struct timespec spec = {0, 200000};
    nanosleep(&spec, NULL);
}

/* Where the benchmark was ended, its processes shall not wait for ever. */
static void
wait_for_beginning(const struct arena *arena)
{
    while (atomic_load(&arena->begin) == 0) {
        nap();
        if (getppid() != arena->parent)
            _exit(1);
    }
    while (now_seconds() < atomic_load(&arena->begin))
        nap();
}

/* ------------------------------------------------------------- one worker */

static void
write_until(struct worker *worker, double end)
{
    struct counts *counts = &worker->arena->counts[worker->writer.worker];
    double now = now_seconds();
    for (int64_t number = 0; now < end; number++) {
        double start = now;
        bool added = worker->writer.way->add(&worker->writer, number);
        now = now_seconds();
        if (!added)
            counts->errors++;
        else if (now < end)
            counts->in_time++;
        else
            counts->late++;
        histogram_add(&counts->waits, now - start);
    }
}

static void *
run_worker(void *data)
{
    struct worker *worker = data;
    struct arena *arena = worker->arena;
    worker->writer.way->open(&worker->writer, &worker->load->store);
    atomic_fetch_add(&arena->ready, 1);
    wait_for_beginning(arena);
    write_until(worker, atomic_load(&arena->begin) + worker->load->seconds);
    worker->writer.way->close(&worker->writer);
    return NULL;
}

static void
run_process(const struct load *load, const struct way *way,
            struct arena *arena, int process)
{
    struct worker workers[WORKERS_MOST];
    memset(workers, 0, sizeof workers);
    for (int i = 0; i < load->threads; i++) {
        workers[i].load = load;
        workers[i].arena = arena;
        workers[i].writer.way = way;
        workers[i].writer.worker = process * load->threads + i;
        if (pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]))
            die("pthread_create", "no more threads");
    }
    for (int i = 0; i < load->threads; i++)
        pthread_join(workers[i].thread, NULL);
}

/* ------------------------------------------------------------ all of them */

static pid_t
start_foreign(const struct load *load)
{
    if (!load->foreign)
        return 0;
    pid_t pid = fork();
    if (pid < 0)
        die("fork", strerror(errno));
    if (pid == 0) {
        execvp(load->foreign[0], (char *const *)load->foreign);
        die(load->foreign[0], strerror(errno));
    }
    return pid;
}

static void
must_have_ended_well(int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("a writing process", "it failed");
}

static void
set_beginning(struct arena *arena, int workers)
{
    int status;
    while (atomic_load(&arena->ready) < workers) {
        if (waitpid(-1, &status, WNOHANG) > 0)
            die("a process", "it ended before the beginning");
        nap();
    }
    atomic_store(&arena->begin, now_seconds() + LEAD_SECONDS);
}

static void
run_all(const struct load *load, const struct way *way, struct arena *arena)
{
    pid_t pids[WORKERS_MOST], foreign = start_foreign(load);
    int status;
    for (int i = 0; i < load->processes; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            die("fork", strerror(errno));
        if (pids[i] > 0)
            continue;
        run_process(load, way, arena, i);
        _exit(0);
    }
    set_beginning(arena, load->processes * load->threads);
    for (int i = 0; i < load->processes; i++) {
        waitpid(pids[i], &status, 0);
        must_have_ended_well(status);
    }
    if (!foreign)
        return;
    if (waitpid(foreign, &status, WNOHANG) != 0)
        die(load->foreign[0], "it ended before the others");
    kill(foreign, SIGTERM);
    waitpid(foreign, &status, 0);
}

/* -------------------------------------------------------------- the result */

/* Shares are those of processes; of threads where there is one process. */
static double
least_share(const struct arena *arena, const struct load *load)
{
    int group = load->processes > 1 ? load->threads : 1;
    int groups = load->processes * load->threads / group;
    double least = -1, total = 0;
    for (int g = 0; g < groups; g++) {
        double sum = 0;
        for (int i = 0; i < group; i++)
            sum += (double)arena->counts[g * group + i].in_time;
        total += sum;
        if (least < 0 || sum < least)
            least = sum;
    }
    return total > 0 ? least / (total / groups) : 0;
}

static struct outcome
sum_up(const struct arena *arena, const struct load *load)
{
    int workers = load->processes * load->threads;
    struct outcome out = {.share = least_share(arena, load)};
    struct histogram waits = {0};
    int64_t in_time = 0, acknowledged = 0, errors = 0;
    for (int i = 0; i < workers; i++) {
        const struct counts *counts = &arena->counts[i];
        in_time += counts->in_time;
        acknowledged += counts->in_time + counts->late;
        errors += counts->errors;
        histogram_merge(&waits, &counts->waits);
    }
    if (writer_count_rows(load->store.path, false) != acknowledged)
        die("the file", "it has other rows than were acknowledged");
    out.rate = (double)in_time / load->seconds;
    out.worst = waits.worst;
    out.p999 = histogram_quantile(&waits, 0.999);
    out.errors = (double)errors;
    out.foreign =
        (double)writer_count_rows(load->store.path, true) / load->seconds;
    return out;
}

struct outcome
load_run(const struct load *load, const struct way *way)
{
    struct arena *arena = mmap(NULL, sizeof *arena, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        die("mmap", strerror(errno));
    arena->parent = getpid();
    writer_make_file(load->store.path);
    run_all(load, way, arena);
    struct outcome out = sum_up(arena, load);
    munmap(arena, sizeof *arena);
    writer_remove_file(load->store.path);
    return out;
}
