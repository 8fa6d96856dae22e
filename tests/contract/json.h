/* Read a JSON file into a tree that never changes, by SQLite's own JSON
 * functions on a database in memory. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>
#include <stdint.h>

struct json {
    const char *key;  /* name in an object, "" in a list */
    const char *type; /* object, array, text, integer, real, true, false,
                         null */
    const char *text; /* of a text, integer or real; otherwise "" */
    const struct json *first, *next; /* children, siblings */
    size_t count;                    /* of children */
};

/* The root, or NULL after a message to stderr. Lives until the process ends. */
const struct json *json_load(const char *path);

/* The member of an object; NULL where the object is NULL or has none. */
const struct json *json_get(const struct json *object, const char *key);

/* The text of a member, or `other` where there is none. */
const char *json_text(const struct json *object, const char *key,
                      const char *other);

/* The number of a member, or `other` where there is none. */
int64_t json_int(const struct json *object, const char *key, int64_t other);

int json_is(const struct json *node, const char *type);

#define JSON_EACH(child, parent)                                               \
    for (const struct json *child = (parent) != NULL ? (parent)->first : NULL; \
         child != NULL; child = child->next)

#endif
