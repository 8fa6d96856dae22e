/* A user's program, for the stage that builds it against the installed
 * library: the example of the header, made whole. */
#include <stdio.h>
#include <walpool.h>

static int
fail(const walpool_error *err)
{
    fprintf(stderr, "%s: %s\n", walpool_status_name(err->status), err->message);
    return 1;
}

static int
fill(walpool *db, walpool_error *err)
{
    walpool_rows names;
    walpool_statement list[2] = {
        WALPOOL_STATEMENT_INIT("CREATE TABLE user(id INTEGER PRIMARY KEY, "
                               "name TEXT)"),
        WALPOOL_STATEMENT_INIT("INSERT INTO user(name) VALUES (?)")};
    walpool_rows_init(&names);
    if (walpool_rows_begin(&names, 1, NULL, err) != WALPOOL_OK ||
        walpool_rows_add_text(&names, "Ada", 3, err) != WALPOOL_OK ||
        walpool_rows_add_text(&names, "Grace", 5, err) != WALPOOL_OK)
        return fail(err);
    list[1].params = names.data;
    list[1].params_bytes = names.capacity;
    int failed =
        walpool_batch(db, list, 2, NULL, NULL, NULL, err) != WALPOOL_OK;
    walpool_rows_finish(&names);
    return failed ? fail(err) : 0;
}

static int
show(walpool *db, walpool_error *err)
{
    walpool_statement query =
        WALPOOL_STATEMENT_INIT("SELECT id, name FROM user ORDER BY id");
    walpool_rows rows;
    walpool_rows_init(&rows);
    if (walpool_read(db, &query, NULL, &rows, err) != WALPOOL_OK)
        return fail(err);
    size_t count = walpool_rows_count(&rows);
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        const char *name =
            (const char *)walpool_rows_bytes(&rows, i, 1, &bytes);
        printf("%lld %.*s\n", (long long)walpool_rows_int64(&rows, i, 0),
               (int)bytes, name);
    }
    walpool_rows_finish(&rows);
    return count != 2;
}

int
main(int argc, char **argv)
{
    walpool_error err;
    walpool *db = walpool_open(argc > 1 ? argv[1] : "app.db", NULL, &err);
    if (db == NULL)
        return fail(&err);
    int failed = fill(db, &err) || show(db, &err);
    if (walpool_close(db, -1, &err) != WALPOOL_OK)
        return fail(&err);
    return failed;
}
