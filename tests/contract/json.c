/* A JSON tree for the scenarios. It must not open any file as a database:
 * the walpool under test may have it open. */
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

static char *
copy(const void *text)
{
    const char *from = text != NULL ? text : "";
    char *to = malloc(strlen(from) + 1);
    return to != NULL ? strcpy(to, from) : NULL;
}

static char *
read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long bytes;
    if (file == NULL)
        return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && (bytes = ftell(file)) >= 0) {
        rewind(file);
        text = calloc(1, (size_t)bytes + 1);
        if (text != NULL &&
            fread(text, 1, (size_t)bytes, file) != (size_t)bytes)
            text[0] = 0;
    }
    fclose(file);
    return text;
}

/* Rows of json_tree come parents first; their ids grow, so that each node's
 * parent is found by bisection among those before it. */
struct entry {
    int64_t id;
    struct json node;
    struct json *last;
};

static struct entry *
find(struct entry *entries, size_t count, int64_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && entries[low].id == id ? &entries[low] : NULL;
}

static void
link_child(struct entry *parent, struct json *child)
{
    if (parent == NULL)
        return;
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->node.first = child;
    parent->last = child;
    parent->node.count++;
}

static struct entry *
fill(sqlite3_stmt *tree, size_t room)
{
    struct entry *entries = calloc(room, sizeof *entries);
    size_t count = 0;
    while (entries != NULL && count < room &&
           sqlite3_step(tree) == SQLITE_ROW) {
        struct entry *entry = &entries[count];
        entry->id = sqlite3_column_int64(tree, 0);
        entry->node.key = copy(sqlite3_column_text(tree, 2));
        entry->node.type = copy(sqlite3_column_text(tree, 3));
        entry->node.text = copy(sqlite3_column_text(tree, 4));
        link_child(find(entries, count, sqlite3_column_int64(tree, 1)),
                   &entry->node);
        count++;
    }
    return entries;
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql, const char *text)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_TRANSIENT);
    return statement;
}

static const struct json *
parse(sqlite3 *db, const char *text)
{
    sqlite3_stmt *count = prepare(
        db, "SELECT count(*) FROM json_tree(?) WHERE json_valid(?1)", text);
    sqlite3_stmt *tree = prepare(
        db,
        "SELECT id, parent, CASE typeof(key) WHEN 'text' THEN key END, type,"
        " atom FROM json_tree(?) ORDER BY id",
        text);
    struct entry *entries = NULL;
    if (count != NULL && tree != NULL && sqlite3_step(count) == SQLITE_ROW &&
        sqlite3_column_int(count, 0) > 0)
        entries = fill(tree, (size_t)sqlite3_column_int64(count, 0));
    sqlite3_finalize(count);
    sqlite3_finalize(tree);
    return entries != NULL ? &entries[0].node : NULL;
}

const struct json *
json_load(const char *path)
{
    const struct json *root = NULL;
    char *text = read_file(path);
    sqlite3 *db = NULL;
    if (text == NULL)
        fprintf(stderr, "cannot read %s\n", path);
    else if (sqlite3_open(":memory:", &db) == SQLITE_OK &&
             (root = parse(db, text)) == NULL)
        fprintf(stderr, "%s is no JSON: %s\n", path, sqlite3_errmsg(db));
    sqlite3_close(db);
    free(text);
    return root;
}

const struct json *
json_get(const struct json *object, const char *key)
{
    JSON_EACH(child, object)
        if (strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

const char *
json_text(const struct json *object, const char *key, const char *other)
{
    const struct json *member = json_get(object, key);
    return member != NULL ? member->text : other;
}

int64_t
json_int(const struct json *object, const char *key, int64_t other)
{
    const struct json *member = json_get(object, key);
    return member != NULL ? strtoll(member->text, NULL, 10) : other;
}

int
json_is(const struct json *node, const char *type)
{
    return node != NULL && strcmp(node->type, type) == 0;
}
