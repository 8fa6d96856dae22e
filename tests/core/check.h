/* The test harness: named cases, checks that say where and what, TAP output.
 *
 *   #include "check.h"
 *   TEST(waitq__grants_in_order)
 *   {
 *       CHECK_INT(1 + 1, 2);
 *   }
 *   CHECK_MAIN()
 *
 * A case is named room__what_it_proves. A failed check ends its case; from
 * another thread it ends that thread and fails the case. `prog WORD` runs the
 * cases whose name contains WORD. A case that hangs ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK_CASES_MAX 256
#define CHECK_SECONDS 60

struct check_case {
    const char *name;
    void (*run)(void);
};

static struct check_case check_cases[CHECK_CASES_MAX];
static size_t check_case_count;
static const char *check_current = "";
static atomic_int check_failures;
static char check_skipped[160];
static jmp_buf check_exit;
static pthread_t check_thread;
static char check_folder_path[256];

static inline void
check_add(const char *name, void (*run)(void))
{
    if (check_case_count == CHECK_CASES_MAX)
        abort();
    check_cases[check_case_count++] = (struct check_case){name, run};
}

#define TEST(name)                                             \
    static void name(void);                                    \
    __attribute__((constructor)) static void name##__add(void) \
    {                                                          \
        check_add(#name, name);                                \
    }                                                          \
    static void name(void)

_Noreturn static inline void
check_stop(void)
{
    atomic_fetch_add(&check_failures, 1);
    fflush(stdout);
    if (!pthread_equal(pthread_self(), check_thread))
        pthread_exit(NULL);
    longjmp(check_exit, 1);
}

static inline void
check_true(const char *file, int line, const char *text, int holds)
{
    if (holds)
        return;
    printf("# %s:%d: %s: does not hold\n", file, line, text);
    check_stop();
}

static inline void
check_int(const char *file, int line, const char *text, int64_t got,
          int64_t want)
{
    if (got == want)
        return;
    printf("# %s:%d: %s: got %lld, want %lld\n", file, line, text,
           (long long)got, (long long)want);
    check_stop();
}

static inline void
check_text(const char *file, int line, const char *text, const char *got,
           const char *want)
{
    if (got != NULL && strcmp(got, want) == 0)
        return;
    printf("# %s:%d: %s: got \"%s\", want \"%s\"\n", file, line, text,
           got != NULL ? got : "(null)", want);
    check_stop();
}

static inline void
check_contains(const char *file, int line, const char *text, const char *got,
               const char *part)
{
    if (got != NULL && strstr(got, part) != NULL)
        return;
    printf("# %s:%d: %s: got \"%s\", which lacks \"%s\"\n", file, line, text,
           got != NULL ? got : "(null)", part);
    check_stop();
}

#define CHECK(holds) check_true(__FILE__, __LINE__, #holds, !!(holds))
#define CHECK_INT(got, want) \
    check_int(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(want))
#define CHECK_STR(got, want) check_text(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_CONTAINS(got, part) \
    check_contains(__FILE__, __LINE__, #got, (got), (part))

/* Say why the running case cannot prove anything here, then return from it. */
static inline void
check_skip(const char *why)
{
    snprintf(check_skipped, sizeof check_skipped, "%s", why);
}

static inline int64_t
check_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait until a condition holds, for those that nothing announces. It need not
 * hold for long. */
#define CHECK_EVENTUALLY(holds)                                        \
    do {                                                               \
        int64_t end_ = check_now_ms() + 20000;                         \
        _Bool held_;                                                   \
        while (!(held_ = !!(holds)) && check_now_ms() < end_)          \
            nanosleep(&(struct timespec){0, 200000}, NULL);            \
        check_true(__FILE__, __LINE__, #holds " within 20 s", held_);  \
    } while (0)

static inline void
check_remove(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *e; folder != NULL && (e = readdir(folder)) != NULL;) {
        char name[768];
        struct stat info;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (lstat(name, &info) == 0 && S_ISDIR(info.st_mode))
            check_remove(name);
        else
            unlink(name);
    }
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
}

/* The running case's own folder, made at the first call, removed after it. */
static inline const char *
check_folder(void)
{
    const char *base = getenv("TMPDIR");
    if (check_folder_path[0] == 0) {
        snprintf(check_folder_path, sizeof check_folder_path,
                 "%.200s/walpool-test-XXXXXX", base != NULL ? base : "/tmp");
        CHECK(mkdtemp(check_folder_path) != NULL);
    }
    return check_folder_path;
}

/* A path in that folder, in one of four buffers in turn. */
static inline const char *
check_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", check_folder(), name);
    return path;
}

static inline void
check_hung(int signal_number)
{
    static const char text[] = "\nBail out! a case hangs: ";
    (void)signal_number;
    ssize_t wrote = write(STDOUT_FILENO, text, sizeof text - 1);
    wrote += write(STDOUT_FILENO, check_current, strlen(check_current));
    wrote += write(STDOUT_FILENO, "\n", 1);
    _exit(wrote > 0 ? 3 : 4);
}

/* "waitq__grants_in_order" -> "waitq: grants in order" */
static inline const char *
check_title(const char *name)
{
    static char title[200];
    const char *mark = strstr(name, "__");
    size_t room = mark != NULL ? (size_t)(mark - name) : 0;
    snprintf(title, sizeof title, "%.*s%s%s", (int)room, name,
             mark != NULL ? ": " : "", mark != NULL ? mark + 2 : name);
    for (char *c = title; *c != 0; c++)
        if (*c == '_')
            *c = ' ';
    return title;
}

static inline int
check_run(size_t number, const struct check_case *test)
{
    int before = atomic_load(&check_failures);
    check_current = test->name;
    check_skipped[0] = 0;
    alarm(CHECK_SECONDS);
    if (setjmp(check_exit) == 0)
        test->run();
    alarm(0);
    if (check_folder_path[0] != 0)
        check_remove(check_folder_path);
    check_folder_path[0] = 0;
    int failed = atomic_load(&check_failures) != before;
    printf("%s %zu - %s%s%s\n", failed ? "not ok" : "ok", number,
           check_title(test->name), check_skipped[0] ? " # SKIP " : "",
           check_skipped);
    fflush(stdout);
    return failed;
}

static inline int
check_main(int argc, char **argv)
{
    size_t number = 0;
    int failed = 0;
    check_thread = pthread_self();
    signal(SIGALRM, check_hung);
    for (size_t i = 0; i < check_case_count; i++)
        if (argc < 2 || strstr(check_cases[i].name, argv[1]) != NULL)
            failed += check_run(++number, &check_cases[i]);
    printf("1..%zu\n", number);
    return failed != 0;
}

#define CHECK_MAIN()                   \
    int main(int argc, char **argv)    \
    {                                  \
        return check_main(argc, argv); \
    }

#endif
