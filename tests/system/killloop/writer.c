/* The kill loop's process in C. crew.py tells what it is asked and what it
 * answers. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walpool.h"

#define ADD                                                       \
    "INSERT INTO entry (writer, number, part, parts, way) VALUES" \
    " (?, ?, ?, ?, ?)"
#define COUNT "UPDATE writer SET total = total + ? WHERE id = ?"
#define LAST "SELECT coalesce(max(number), 0) FROM entry WHERE writer = ?"

static walpool *db;
static walpool_error err;
static int64_t me, number; /* the writer, its transaction */

static void
tell(const char *word)
{
    printf("%s\n", word);
    fflush(stdout);
}

/* End with an error unless the call succeeded. */
static void
must(walpool_status status)
{
    if (status == WALPOOL_OK)
        return;
    printf("error %s: %s\n", walpool_status_name(status), err.message);
    fflush(stdout);
    _exit(1);
}

static void
must_be(const char *what, int64_t got, int64_t want)
{
    if (got == want)
        return;
    printf("error %s: %lld instead of %lld\n", what, (long long)got,
           (long long)want);
    fflush(stdout);
    _exit(1);
}

/* ----------------------------------------------------------- statements */

struct params {
    walpool_rows rows;
    walpool_statement statement;
};

static walpool_statement
with_rows(const char *sql, const walpool_rows *rows)
{
    walpool_statement statement = {.sql = sql};
    statement.params = rows->data;
    statement.params_bytes = rows->capacity;
    return statement;
}

/* The statement ADD with the parts first .. end-1, of so many. */
static void
make_add(struct params *params, int first, int end, int parts, const char *way)
{
    walpool_rows *rows = &params->rows;
    walpool_rows_init(rows);
    must(walpool_rows_begin(rows, 5, NULL, &err));
    for (int part = first; part < end; part++) {
        must(walpool_rows_add_int64(rows, me, &err));
        must(walpool_rows_add_int64(rows, number, &err));
        must(walpool_rows_add_int64(rows, part, &err));
        must(walpool_rows_add_int64(rows, parts, &err));
        must(walpool_rows_add_text(rows, way, strlen(way), &err));
    }
    params->statement = with_rows(ADD, rows);
}

/* A statement with one or two numbers. */
static void
make(struct params *params, const char *sql, uint32_t count, int64_t first,
     int64_t second)
{
    walpool_rows *rows = &params->rows;
    walpool_rows_init(rows);
    must(walpool_rows_begin(rows, count, NULL, &err));
    must(walpool_rows_add_int64(rows, first, &err));
    if (count == 2)
        must(walpool_rows_add_int64(rows, second, &err));
    params->statement = with_rows(sql, rows);
}

/* --------------------------------------------------------- ways to write */

static void
write_rows(int count, const char *way)
{
    struct params add;
    make_add(&add, 0, count, count, way);
    must(walpool_write(db, &add.statement, NULL, NULL, &err));
    walpool_rows_finish(&add.rows);
}

static void
write_batch(void)
{
    struct params first, count, second;
    make_add(&first, 0, 1, 2, "batch");
    make(&count, COUNT, 2, 2 * number, me);
    make_add(&second, 1, 2, 2, "batch");
    walpool_statement list[] = {first.statement, count.statement,
                                second.statement};
    must(walpool_batch(db, list, 3, NULL, NULL, NULL, &err));
    walpool_rows_finish(&first.rows);
    walpool_rows_finish(&count.rows);
    walpool_rows_finish(&second.rows);
}

static void
add_part(walpool_lease *lease, int part)
{
    struct params add;
    make_add(&add, part, part + 1, 2, "lease");
    must(walpool_run(lease, &add.statement, NULL, NULL, &err));
    walpool_rows_finish(&add.rows);
}

static void
until_stopped(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

static void
write_on_lease(int hold)
{
    struct params count;
    walpool_lease *lease = walpool_acquire(db, WALPOOL_WRITE, NULL, &err);
    must(lease ? WALPOOL_OK : (walpool_status)err.status);
    add_part(lease, 0);
    must(walpool_savepoint(lease, &err));
    add_part(lease, 1);
    must(walpool_commit(lease, NULL, &err));
    must(walpool_savepoint(lease, &err));
    add_part(lease, 2);
    must(walpool_rollback(lease, &err));
    make(&count, COUNT, 2, 2 * number, me);
    must(walpool_run(lease, &count.statement, NULL, NULL, &err));
    walpool_rows_finish(&count.rows);
    if (hold) {
        tell("turn");
        until_stopped();
    }
    must(walpool_commit(lease, NULL, &err));
    must(walpool_release(lease, &err));
}

static void
write_next(char letter)
{
    number++;
    if (letter == 's')
        write_rows(1, "single");
    else if (letter == 'm')
        write_rows(3, "many");
    else if (letter == 'b')
        write_batch();
    else
        write_on_lease(letter == 'h');
    printf("%lld\n", (long long)number);
    fflush(stdout);
}

/* ----------------------------------------------------------- other calls */

static void
checkpoint(walpool_checkpoint_mode mode)
{
    tell("checkpoint");
    must(walpool_checkpoint(db, mode, NULL, NULL, &err));
}

static void
read_last(void)
{
    struct params last;
    walpool_rows rows;
    make(&last, LAST, 1, me, 0);
    walpool_rows_init(&rows);
    must(walpool_read(db, &last.statement, NULL, &rows, &err));
    must_be("the last number", walpool_rows_int64(&rows, 0, 0), number);
    walpool_rows_finish(&rows);
    walpool_rows_finish(&last.rows);
}

static void
step(char letter)
{
    if (letter == 'c')
        checkpoint(WALPOOL_PASSIVE);
    else if (letter == 't')
        checkpoint(WALPOOL_TRUNCATE);
    else if (letter == 'r')
        read_last();
    else
        write_next(letter);
}

/* -------------------------------------------------------------- the order */

/* Nothing comes after the order but the end of the input. */
static int
stopped(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

static void
begin(const char *name)
{
    struct params add;
    tell("open");
    db = walpool_open(name, NULL, &err);
    must(db ? WALPOOL_OK : (walpool_status)err.status);
    make(&add, "INSERT INTO writer (id) VALUES (?)", 1, me, 0);
    must(walpool_write(db, &add.statement, NULL, NULL, &err));
    walpool_rows_finish(&add.rows);
}

static void
end(void)
{
    walpool_health health;
    must(walpool_health_get(db, &health, &err));
    must_be("errors counted by health", health.errors, 0);
    tell("close");
    must(walpool_close(db, -1, &err));
    tell("end");
}

int
main(void)
{
    char line[8192], name[4200], plan[256];
    long long writer;
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0; /* there is nothing to do */
    if (sscanf(line, "%4199s %lld %255s", name, &writer, plan) != 3)
        return 2;
    me = writer;
    begin(name);
    for (size_t i = 0; !stopped(); i = (i + 1) % strlen(plan))
        step(plan[i]);
    end();
    return 0;
}
