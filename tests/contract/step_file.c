/* The steps that make and compare files. They read database files by plain
 * read(), so no database may be open in the folder while they compare. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

static int
make_file(const char *path, const struct json *content)
{
    struct value value = {0};
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return -1;
    if (content != NULL && value_read(content, &value))
        fwrite(value.bytes, 1, value.length, file);
    value_finish(&value);
    return fclose(file);
}

static void
make(struct run *run, const struct json *step, struct answer *answer)
{
    char *path = run_expand(run, json_text(step, "path", ""));
    char *to = run_expand(run, json_text(step, "to", ""));
    const char *type = json_text(step, "type", "");
    const char *permissions = json_text(step, "permissions", NULL);
    int failed = strcmp(type, "file") == 0
                     ? make_file(path, json_get(step, "content"))
                 : strcmp(type, "directory") == 0 ? mkdir(path, 0700)
                 : strcmp(type, "fifo") == 0      ? mkfifo(path, 0600)
                 : strcmp(type, "symlink") == 0   ? symlink(to, path)
                 : strcmp(type, "hardlink") == 0  ? link(to, path)
                                                  : -1;
    if (failed == 0 && permissions != NULL)
        failed = chmod(path, (mode_t)strtol(permissions, NULL, 8));
    if (failed != 0)
        answer_fail(answer, "cannot make %s: %s", path, strerror(errno));
    free(path);
    free(to);
}

static void
move(struct run *run, const struct json *step, struct answer *answer)
{
    char *path = run_expand(run, json_text(step, "path", ""));
    char *to = run_expand(run, json_text(step, "to", ""));
    if (rename(path, to) != 0)
        answer_fail(answer, "cannot move %s: %s", path, strerror(errno));
    free(path);
    free(to);
}

/* Bytes of a file, as a disk might damage them. */
static void
overwrite(struct run *run, const struct json *step, struct answer *answer)
{
    char *path = run_expand(run, json_text(step, "path", ""));
    long offset = (long)json_int(step, "offset", 0);
    struct value value = {0};
    FILE *file = fopen(path, "r+b");
    int written = file != NULL &&
                  value_read(json_get(step, "content"), &value) &&
                  fseek(file, offset, SEEK_SET) == 0 &&
                  fwrite(value.bytes, 1, value.length, file) == value.length;
    if ((file != NULL && fclose(file) != 0) || !written)
        answer_fail(answer, "cannot overwrite %s", path);
    value_finish(&value);
    free(path);
}

/* One line a name: path, mode and the bytes in hex. */
static void
describe(FILE *out, const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return;
    fprintf(out, "%s %o ", path, (unsigned)info.st_mode);
    FILE *file = S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    for (int c; file != NULL && (c = getc(file)) != EOF;)
        fprintf(out, "%02x", (unsigned)c);
    if (file != NULL)
        fclose(file);
    fputc('\n', out);
}

static void
describe_folder(FILE *out, const char *folder)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[1024];
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (strcmp(names[i]->d_name, ".") != 0 &&
            strcmp(names[i]->d_name, "..") != 0) {
            describe(out, path);
            if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
                describe_folder(out, path);
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
}

static char *
look(struct run *run)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    if (out != NULL) {
        describe_folder(out, run->folder);
        fclose(out);
    }
    return text;
}

static void
remember(struct run *run, const struct json *step, struct answer *answer)
{
    (void)step;
    (void)answer;
    free(run->remembered);
    run->remembered = look(run);
}

static void
unchanged(struct run *run, const struct json *step, struct answer *answer)
{
    char *now = look(run);
    (void)step;
    if (run->remembered == NULL || strcmp(now, run->remembered) != 0)
        answer_fail(answer, "the folder was\n%.400s\nand is\n%.400s",
                    run->remembered != NULL ? run->remembered : "never seen",
                    now);
    free(now);
}

static void
present_or_absent(struct run *run, const struct json *step,
                  struct answer *answer)
{
    char *path = run_expand(run, json_text(step, "path", ""));
    int wanted = strcmp(json_text(step, "do", ""), "present") == 0;
    struct stat info;
    if ((lstat(path, &info) == 0) != wanted)
        answer_fail(answer, "%s is %s", path, wanted ? "absent" : "present");
    free(path);
}

step_function *
step_file_find(const char *name)
{
    static const struct {
        const char *name;
        step_function *run;
    } steps[] = {
        {"make", make},
        {"move", move},
        {"overwrite", overwrite},
        {"remember", remember},
        {"unchanged", unchanged},
        {"present", present_or_absent},
        {"absent", present_or_absent},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(steps[i].name, name) == 0)
            return steps[i].run;
    return NULL;
}
