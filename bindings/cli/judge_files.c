/* Judge, files: what lies there, whether SQLite can use it, who may.
 *
 * Does: find what is wrong with the file, its header, its sidecars, its disk.
 * Must not: look at anything but the facts.
 * Lock: none. */
#include <stdio.h>
#include <string.h>

#include "judge.h"
#include "text.h"

#define DISK_FULL_BYTES (INT64_C(1) << 20)
#define DISK_LOW_BYTES (INT64_C(64) << 20)

static const char *const kinds[] = {
    [CLI_DIRECTORY] = "a directory",
    [CLI_FIFO] = "a FIFO",
    [CLI_LINK] = "a symbolic link",
    [CLI_OTHER] = "a device or a socket",
};

static const char *const part_names[CLI_PARTS] = {
    [CLI_DATABASE] = "the database",
    [CLI_WAL] = "the -wal file",
    [CLI_SHM] = "the -shm file",
    [CLI_TURN] = "the -turn file",
};

/* ---------------------------------------------------------- is it a database */

static void
judge_missing(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (facts->file.error) {
        finding = cli_findings_add(out, CLI_FAILING, "unreachable",
                                   "the file cannot be looked at: %s",
                                   strerror(facts->file.error));
        cli_finding_remedy(finding, "give a path that this user may reach");
        return;
    }
    finding = cli_findings_add(out, CLI_FAILING, "missing",
                               "there is no such file");
    if (facts->parts[CLI_WAL].bytes > 0)
        cli_finding_remedy(
            finding,
            "its -wal file is there and holds commits: the database was moved "
            "or deleted without it. Put the database back beside its -wal "
            "before anybody opens that name");
    else
        cli_finding_remedy(finding, "look for a slip in the path");
}

static bool
judge_kind(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_file *file = &facts->file;
    struct cli_finding *finding;

    if (file->kind == CLI_MISSING) {
        judge_missing(facts, out);
    } else if (file->kind != CLI_REGULAR) {
        finding = cli_findings_add(out, CLI_FAILING, "kind",
                                   "it is %s, not a regular file",
                                   kinds[file->kind]);
        cli_finding_remedy(finding, "give the path of a database");
    } else if (file->error) {
        finding = cli_findings_add(out, CLI_FAILING, "unreadable",
                                   "the file cannot be read: %s",
                                   strerror(file->error));
        cli_finding_remedy(finding,
                           "run doctor as a user who may read the file");
    } else {
        return true;
    }
    return false;
}

static bool
judge_content(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_header *header = &facts->header;
    struct cli_finding *finding;

    if (facts->file.bytes == 0) {
        finding = cli_findings_add(out, CLI_DEGRADED, "empty",
                                   "the file is empty: a database without a "
                                   "table");
        cli_finding_remedy(finding, "if there was data in it, somebody has "
                                    "truncated it: restore a backup");
    } else if (!header->whole || !header->magic) {
        finding = cli_findings_add(out, CLI_FAILING, "not_a_database",
                                   "the file does not begin as an SQLite "
                                   "database does");
        cli_finding_remedy(finding, "give another path, or restore a backup; "
                                    "an encrypted database looks like this, "
                                    "too");
    } else if (header->write_version > 2 || header->read_version > 2 ||
               !header->write_version || !header->read_version) {
        finding = cli_findings_add(
            out, CLI_FAILING, "future_format",
            "its header has the format versions %d and %d, and SQLite knows "
            "1 and 2", header->write_version, header->read_version);
        cli_finding_remedy(finding, "use the program that wrote it, or "
                                    "restore a backup");
    } else {
        return true;
    }
    return false;
}

/* ------------------------------------------------------------ the main file */

static void
judge_mode(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (facts->header.write_version == 2 && facts->header.read_version == 2) {
        cli_findings_add(out, CLI_OK, "wal", "the database is in WAL mode");
        return;
    }
    finding = cli_findings_add(out, CLI_DEGRADED, "not_wal",
                               "the database is in rollback mode: readers and "
                               "writers wait for each other");
    cli_finding_remedy(finding, "open it with walpool, or PRAGMA "
                                "journal_mode=WAL, while nobody else uses it");
    if (facts->parts[CLI_WAL].bytes > 0) {
        finding = cli_findings_add(out, CLI_DEGRADED, "wal_of_another",
                                   "there is a -wal file all the same: it may "
                                   "belong to a file that was here before");
        cli_finding_remedy(finding,
                           "SQLite would apply it. If the database was "
                           "restored by copying it here, move the -wal away "
                           "first");
    }
}

/* Only while nobody copies frames into it: the header goes first. */
static void
judge_size(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_header *header = &facts->header;
    int64_t want = (int64_t)header->pages * header->page_bytes;
    char has[32], wants[32];
    struct cli_finding *finding;

    if (facts->file.bytes >= want || facts->parts[CLI_WAL].bytes > 0)
        return;
    finding = cli_findings_add(
        out, CLI_FAILING, "truncated", "the file has %s, and its header says %s",
        cli_text_bytes(facts->file.bytes, has, sizeof has),
        cli_text_bytes(want, wants, sizeof wants));
    cli_finding_remedy(finding, "the end is lost: restore a backup, or save "
                                "what is left with the sqlite3 command's "
                                ".recover");
}

static void
judge_names(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (facts->file.links > 1) {
        finding = cli_findings_add(
            out, CLI_FAILING, "hard_link",
            "the file has %lld names: by each of them it gets a WAL of its own",
            (long long)facts->file.links);
        cli_finding_remedy(finding, "keep one name; find . -samefile %.200s "
                                    "shows them", facts->path);
    }
    if (facts->is_link)
        cli_findings_add(out, CLI_OK, "symlink",
                         "the name is a symbolic link; the sidecars lie beside "
                         "%.256s", facts->path);
}

/* --------------------------------------------------------------- the sidecars */

static void
judge_part_rights(const struct cli_facts *facts, enum cli_part part,
                  struct cli_findings *out)
{
    const struct cli_file *file = &facts->parts[part], *main = &facts->file;
    struct cli_finding *finding;

    if (file->mode == main->mode && file->user == main->user &&
        file->group == main->group)
        return;
    finding = cli_findings_add(
        out, CLI_DEGRADED, "permissions",
        "%s has mode %04o and owner %u:%u, the database %04o and %u:%u",
        part_names[part], file->mode, file->user, file->group, main->mode,
        main->user, main->group);
    cli_finding_remedy(finding, "give both the same: who may use the one and "
                                "not the other cannot open the database");
}

static void
judge_parts(const struct cli_facts *facts, struct cli_findings *out)
{
    for (enum cli_part part = CLI_WAL; part < CLI_PARTS; part++) {
        const struct cli_file *file = &facts->parts[part];
        struct cli_finding *finding;

        if (file->kind == CLI_REGULAR)
            judge_part_rights(facts, part, out);
        if (file->kind == CLI_REGULAR || file->kind == CLI_MISSING)
            continue;
        finding = cli_findings_add(out, CLI_FAILING, "sidecar_kind",
                                   "%s is %s, not a regular file",
                                   part_names[part], kinds[file->kind]);
        cli_finding_remedy(finding, "find out who put it there, and remove it");
    }
    if (facts->file.mode & 02) {
        struct cli_finding *finding =
            cli_findings_add(out, CLI_DEGRADED, "open_to_all",
                             "every user of this machine may write the file");
        cli_finding_remedy(finding, "chmod o-w, for the sidecars, too");
    }
}

static void
judge_wal_header(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (!facts->wal.whole)
        return;
    if (!facts->wal.known) {
        finding = cli_findings_add(out, CLI_FAILING, "foreign_wal",
                                   "the -wal file is not in SQLite's format "
                                   "(version %u)", facts->wal.version);
        cli_finding_remedy(finding, "close the database with the program that "
                                    "wrote it; SQLite would ignore what is in "
                                    "there");
    } else if (facts->wal.page_bytes != facts->header.page_bytes) {
        finding = cli_findings_add(
            out, CLI_FAILING, "wal_page_size",
            "the -wal file has pages of %u bytes, the database of %u: they do "
            "not belong together", facts->wal.page_bytes,
            facts->header.page_bytes);
        cli_finding_remedy(finding, "put back the database that the -wal was "
                                    "made for, or move the -wal away");
    }
}

static void
judge_journal(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (facts->journal.bytes == 0 || cli_judge_is_used(facts))
        return;
    finding = cli_findings_add(out, CLI_DEGRADED, "journal",
                               "a rollback journal is left: a transaction was "
                               "cut off");
    cli_finding_remedy(finding, "keep it beside the database: the next opening "
                                "rolls the transaction back");
}

static void
judge_disk(const struct cli_facts *facts, struct cli_findings *out)
{
    int64_t wal = facts->parts[CLI_WAL].bytes;
    int64_t low = wal > DISK_LOW_BYTES ? wal : DISK_LOW_BYTES;
    char room[32];
    struct cli_finding *finding;

    if (facts->free_bytes < 0 || facts->free_bytes >= low)
        return;
    finding = cli_findings_add(
        out,
        facts->free_bytes < DISK_FULL_BYTES ? CLI_FAILING : CLI_DEGRADED,
        "disk", "the disk has %s left",
        cli_text_bytes(facts->free_bytes, room, sizeof room));
    cli_finding_remedy(finding, "make room: a commit needs space in the WAL, a "
                                "checkpoint in the database");
}

/* walpool refuses the first two, SQLite does not. */
static void
judge_place(const struct cli_facts *facts, struct cli_findings *out)
{
    static const struct {
        enum cli_status severity;
        const char *code, *what, *remedy;
    } places[] = {
        [WALPOOL_FS_NETWORK] = {CLI_FAILING, "network_fs",
            "a file system of the network: locks and memory of a WAL do not "
            "reach other machines",
            "put the database on a local disk"},
        [WALPOOL_FS_BRIDGE] = {CLI_FAILING, "host_fs",
            "shared with the host of this machine: locks and memory of a WAL "
            "do not reach it",
            "put the database on a disk of this machine, such as a volume"},
        [WALPOOL_FS_FUSE] = {CLI_DEGRADED, "fuse",
            "whose locks and shared memory are what its program makes of them",
            "make sure that it keeps both, or use a local disk"},
        [WALPOOL_FS_MEMORY] = {CLI_OK, "memory_fs",
            "in memory: gone when this machine stops", NULL},
        [WALPOOL_FS_OVERLAY] = {CLI_OK, "overlay_fs",
            "the layer of a container: gone with it, unless it is a volume",
            NULL},
    };
    enum walpool_fs_class is = facts->fs.is;
    struct cli_finding *finding;

    if ((size_t)is >= ARRAY_COUNT(places) || !places[is].what)
        return;
    finding = cli_findings_add(out, places[is].severity, places[is].code,
                               "it lies on %s, %s", facts->fs.type,
                               places[is].what);
    if (places[is].remedy)
        cli_finding_remedy(finding, "%s", places[is].remedy);
}

bool
cli_judge_files(const struct cli_facts *facts, struct cli_findings *out)
{
    if (!judge_kind(facts, out))
        return false;
    judge_names(facts, out);
    if (!judge_content(facts, out))
        return false;
    judge_mode(facts, out);
    judge_size(facts, out);
    judge_parts(facts, out);
    judge_wal_header(facts, out);
    judge_journal(facts, out);
    judge_place(facts, out);
    judge_disk(facts, out);
    return true;
}
