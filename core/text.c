/* Text: the SQL of a statement, as text or as a prepared handle.
 *
 * A prepared handle is the text once more, copied, measured and checked. What
 * is prepared of it lies in the statement caches of the connections, which know
 * it by the number of the handle: so it can be closed at any time, by anybody,
 * and whoever runs it goes on.
 *
 * Does: keep such texts, and show either kind.
 * Must not: know SQLite.
 * Lock: none; a text does not change, and is pinned while it is looked at. */
#include "text.h"

#include <string.h>

#include "handle.h"
#include "mem.h"

static void
destroy(void *object)
{
    struct walpool__text *text = object;

    walpool__mem_free(text->about);
    walpool__mem_free(text);
}

walpool_prepared *
walpool__text_publish(int64_t database, const char *sql, size_t sql_bytes,
                      char *about)
{
    struct walpool__text *text =
        walpool__mem_zalloc(sizeof *text + sql_bytes + 1);
    void *handle;

    if (!text) {
        walpool__mem_free(about);
        return NULL;
    }
    text->database = database;
    text->about = about;
    text->sql_bytes = sql_bytes;
    memcpy(text->sql, sql, sql_bytes);
    handle = walpool__handle_open(WALPOOL__HANDLE_PREPARED, text, destroy);
    if (!handle)
        destroy(text);
    return handle;
}

walpool_status
walpool__view_begin(struct walpool__view *view,
                    const walpool_statement *statement, walpool_error *err)
{
    walpool_status status = WALPOOL_OK;

    *view = (struct walpool__view){.handle = statement->prepared};
    if (view->handle) {
        view->text = walpool__handle_pin(WALPOOL__HANDLE_PREPARED, view->handle,
                                         err, &status);
        if (!view->text)
            return status;
        view->sql = view->text->sql;
        view->bytes = view->text->sql_bytes;
        return WALPOOL_OK;
    }
    view->sql = statement->sql;
    view->bytes = statement->sql_bytes ? statement->sql_bytes
                                       : strlen(statement->sql);
    return WALPOOL_OK;
}

void
walpool__view_end(const struct walpool__view *view)
{
    if (view->text)
        walpool__handle_unpin(view->handle);
}
