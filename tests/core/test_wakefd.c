/* wakefd: readable after any number of rings, silent after one quiet; the
 * same with an eventfd and with the pipe of systems that have none. */
#include "wakefd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "check.h"

/* The module once more, as it is compiled elsewhere. */
#undef __linux__
#define walpool__wakefd_open piped_open
#define walpool__wakefd_close piped_close
#define walpool__wakefd_ring piped_ring
#define walpool__wakefd_quiet piped_quiet
#include "wakefd.c"
#undef walpool__wakefd_open
#undef walpool__wakefd_close
#undef walpool__wakefd_ring
#undef walpool__wakefd_quiet

int walpool__wakefd_open(struct walpool__wakefd *wakefd);
void walpool__wakefd_close(struct walpool__wakefd *wakefd);
void walpool__wakefd_ring(struct walpool__wakefd *wakefd);
void walpool__wakefd_quiet(struct walpool__wakefd *wakefd);

static const struct variant {
    int (*open)(struct walpool__wakefd *wakefd);
    void (*close)(struct walpool__wakefd *wakefd);
    void (*ring)(struct walpool__wakefd *wakefd);
    void (*quiet)(struct walpool__wakefd *wakefd);
} variants[] = {
    {walpool__wakefd_open, walpool__wakefd_close, walpool__wakefd_ring,
     walpool__wakefd_quiet},
    {piped_open, piped_close, piped_ring, piped_quiet},
};

static bool
is_readable(const struct walpool__wakefd *wakefd)
{
    struct pollfd fd = {.fd = wakefd->read_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void
check_rings(const struct variant *variant, struct walpool__wakefd *wakefd,
            int rings)
{
    for (int i = 0; i < rings; i++)
        variant->ring(wakefd);
    CHECK(is_readable(wakefd) == (rings > 0));
    variant->quiet(wakefd);
    CHECK(!is_readable(wakefd));
}

TEST(wakefd__is_readable_from_the_first_ring_to_the_next_quiet)
{
    static const int rings[] = {0, 1, 2, 7, 8, 9, 16, 17, 0, 20000};
    for (size_t i = 0; i < ARRAY_COUNT(variants); i++) {
        struct walpool__wakefd wakefd;
        CHECK_INT(variants[i].open(&wakefd), 0);
        for (size_t j = 0; j < ARRAY_COUNT(rings); j++)
            check_rings(&variants[i], &wakefd, rings[j]);
        variants[i].close(&wakefd);
        CHECK_INT(wakefd.read_fd, -1);
        variants[i].close(&wakefd);
    }
}

TEST(wakefd__is_not_inherited_by_programs)
{
    for (size_t i = 0; i < ARRAY_COUNT(variants); i++) {
        struct walpool__wakefd wakefd;
        CHECK_INT(variants[i].open(&wakefd), 0);
        CHECK_INT(fcntl(wakefd.read_fd, F_GETFD), FD_CLOEXEC);
        CHECK_INT(fcntl(wakefd.write_fd, F_GETFD), FD_CLOEXEC);
        variants[i].close(&wakefd);
    }
}

TEST(wakefd__says_why_it_cannot_be_opened)
{
    struct rlimit before;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    for (size_t i = 0; i < ARRAY_COUNT(variants); i++) {
        struct walpool__wakefd wakefd = {5, 5};
        walpool_error err;
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
        int result = variants[i].open(&wakefd);
        walpool_queue *queue = walpool_queue_open(&err);
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
        CHECK_INT(result, EMFILE);
        CHECK_INT(wakefd.read_fd, -1);
        CHECK(queue == NULL);
        CHECK_INT(err.status, WALPOOL_IO);
        CHECK_INT(err.system_errno, EMFILE);
    }
}

CHECK_MAIN()
