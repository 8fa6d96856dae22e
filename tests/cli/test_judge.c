/* Judge: the table of what doctor says about which facts. */
#include "check.h"
#include "judge.h"

static struct cli_facts facts;
static struct cli_findings found;

/* A database in WAL mode that process 7, of walpool, has open. */
static void
begin(void)
{
    struct cli_process *process = &facts.processes.list[0];

    memset(&facts, 0, sizeof facts);
    snprintf(facts.path, sizeof facts.path, "/srv/app.db");
    facts.file = (struct cli_file){
        .kind = CLI_REGULAR, .bytes = 40960, .links = 1, .mode = 0600};
    facts.parts[CLI_WAL] = facts.parts[CLI_SHM] = facts.file;
    facts.header = (struct cli_header){true, true, 2, 2, 4096, 10};
    facts.wal = (struct cli_wal_header){true, true, 3007000, 4096};
    facts.free_bytes = INT64_C(1) << 40;
    facts.threshold = 1000;
    facts.watched_ms = 100;
    snprintf(facts.sqlite, sizeof facts.sqlite, "3.40.1");
    facts.processes.count = 1;
    *process = (struct cli_process){.pid = 7, .name = "app", .visible = true};
    process->open[CLI_DATABASE] = process->open[CLI_WAL] = 3;
    process->open[CLI_SHM] = process->open[CLI_TURN] = 1;
    facts.last.index = (struct cli_index){
        .whole = true, .known = true, .settled = true, .commits = 9,
        .frames = 20334, .checkpointed = 20334};
    facts.last.users = (struct cli_holders){.pids = {7}, .count = 1};
    facts.first = facts.last;
}

static void
add_process(int64_t pid, const char *name)
{
    struct cli_process *process =
        &facts.processes.list[facts.processes.count++];
    struct cli_holders *users = &facts.last.users;

    *process = (struct cli_process){.pid = pid, .visible = true};
    snprintf(process->name, sizeof process->name, "%s", name);
    process->open[CLI_DATABASE] = process->open[CLI_SHM] = 1;
    users->pids[users->count++] = pid;
}

static const struct cli_finding *
judged(const char *code)
{
    const struct cli_finding *answer = NULL;
    int count = 0;

    cli_judge(&facts, &found);
    for (int i = 0; i < found.count; i++)
        if (strcmp(found.list[i].code, code) == 0) {
            answer = &found.list[i];
            count++;
        }
    if (count != 1)
        printf("# %d findings '%s'\n", count, code);
    CHECK_INT(count, 1);
    return answer;
}

#define CHECK_FINDING(code_, severity_)                     \
    do {                                                    \
        const struct cli_finding *one_ = judged(code_);     \
        CHECK_INT(one_->severity, severity_);               \
        CHECK_INT(found.verdict, severity_);                \
        CHECK(severity_ == CLI_OK || one_->remedy[0] != 0); \
    } while (0)

TEST(judge__a_database_in_use_is_ok)
{
    begin();
    CHECK_FINDING("wal", CLI_OK);
    CHECK_INT(found.count, 1);
}

/* ------------------------------------------------------------------ files */

TEST(judge__the_file_system)
{
    static const struct {
        enum walpool_fs_class is;
        const char *type, *code;
        enum cli_status severity;
    } cases[] = {
        {WALPOOL_FS_NETWORK, "nfs4", "network_fs", CLI_FAILING},
        {WALPOOL_FS_BRIDGE, "virtiofs", "host_fs", CLI_FAILING},
        {WALPOOL_FS_FUSE, "fuse.mine", "fuse", CLI_DEGRADED},
        {WALPOOL_FS_MEMORY, "tmpfs", "memory_fs", CLI_OK},
        {WALPOOL_FS_OVERLAY, "overlay", "overlay_fs", CLI_OK},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        begin();
        facts.fs.is = cases[i].is;
        snprintf(facts.fs.type, sizeof facts.fs.type, "%s", cases[i].type);
        CHECK_FINDING(cases[i].code, cases[i].severity);
        CHECK_CONTAINS(judged(cases[i].code)->what, cases[i].type);
    }
    begin();
    facts.fs.is = WALPOOL_FS_LOCAL;
    CHECK_FINDING("wal", CLI_OK);
    CHECK_INT(found.count, 1);
}

TEST(judge__what_is_no_database)
{
    begin();
    facts.file = (struct cli_file){.kind = CLI_MISSING};
    facts.parts[CLI_WAL].bytes = 0;
    CHECK_FINDING("missing", CLI_FAILING);
    CHECK_CONTAINS(found.list[0].remedy, "path");
    facts.parts[CLI_WAL].bytes = 4152;
    CHECK_FINDING("missing", CLI_FAILING);
    CHECK_CONTAINS(found.list[0].remedy, "beside its -wal");
    facts.file.error = 13;
    CHECK_FINDING("unreachable", CLI_FAILING);
    begin();
    facts.file.kind = CLI_OTHER;
    CHECK_FINDING("kind", CLI_FAILING);
    CHECK_INT(found.count, 1);
    begin();
    facts.file.error = 13;
    CHECK_FINDING("unreadable", CLI_FAILING);
    begin();
    facts.file.bytes = 0;
    CHECK_FINDING("empty", CLI_DEGRADED);
    begin();
    facts.header.magic = false;
    CHECK_FINDING("not_a_database", CLI_FAILING);
    begin();
    facts.header.read_version = 3;
    CHECK_FINDING("future_format", CLI_FAILING);
}

TEST(judge__the_file_and_its_names)
{
    begin();
    facts.header.write_version = facts.header.read_version = 1;
    facts.parts[CLI_WAL].bytes = 0;
    CHECK_FINDING("not_wal", CLI_DEGRADED);
    begin();
    facts.header.write_version = facts.header.read_version = 1;
    CHECK_FINDING("wal_of_another", CLI_DEGRADED);
    begin();
    facts.file.bytes = 36864;
    facts.parts[CLI_WAL].bytes = 0;
    CHECK_FINDING("truncated", CLI_FAILING);
    begin();
    facts.file.links = 2;
    CHECK_FINDING("hard_link", CLI_FAILING);
    begin();
    facts.is_link = true;
    CHECK_FINDING("symlink", CLI_OK);
}

/* While a checkpoint copies frames the header may be ahead of the file. */
TEST(judge__a_file_with_a_wal_may_be_short)
{
    begin();
    facts.file.bytes = 4096;
    CHECK_FINDING("wal", CLI_OK);
    CHECK_INT(found.count, 1);
}

TEST(judge__sidecars)
{
    begin();
    facts.parts[CLI_WAL].mode = 0644;
    CHECK_FINDING("permissions", CLI_DEGRADED);
    begin();
    facts.parts[CLI_SHM].user = 12;
    CHECK_FINDING("permissions", CLI_DEGRADED);
    begin();
    facts.file.mode = facts.parts[CLI_WAL].mode = 0666;
    facts.parts[CLI_SHM].mode = 0666;
    CHECK_FINDING("open_to_all", CLI_DEGRADED);
    begin();
    facts.parts[CLI_SHM].kind = CLI_LINK;
    CHECK_FINDING("sidecar_kind", CLI_FAILING);
    begin();
    facts.wal.known = false;
    CHECK_FINDING("foreign_wal", CLI_FAILING);
    begin();
    facts.wal.page_bytes = 1024;
    CHECK_FINDING("wal_page_size", CLI_FAILING);
}

TEST(judge__a_journal_is_left)
{
    begin();
    facts.journal.bytes = 512;
    CHECK_FINDING("wal", CLI_OK); /* in use: it is nobody's left-over */
    facts.processes.count = 0;
    facts.last.users.count = 0;
    CHECK_FINDING("journal", CLI_DEGRADED);
}

TEST(judge__the_disk)
{
    begin();
    facts.free_bytes = INT64_C(32) << 20;
    CHECK_FINDING("disk", CLI_DEGRADED);
    facts.free_bytes = 4096;
    CHECK_FINDING("disk", CLI_FAILING);
    facts.free_bytes = -1;
    CHECK_FINDING("wal", CLI_OK);
}

/* -------------------------------------------------------------------- use */

TEST(judge__files_that_are_gone)
{
    begin();
    facts.processes.list[0].gone[CLI_WAL] = 1;
    CHECK_FINDING("unlinked", CLI_FAILING);
    CHECK_INT(found.list[0].pid, 7);
    CHECK_CONTAINS(found.list[0].what, "-wal file that process 7 (app) uses");
    begin();
    facts.processes.list[0].open[CLI_DATABASE] = 0;
    CHECK_FINDING("moved", CLI_FAILING);
}

TEST(judge__two_copies_of_sqlite)
{
    begin();
    facts.processes.list[0].open[CLI_SHM] = 2;
    CHECK_FINDING("two_sqlites", CLI_FAILING);
}

TEST(judge__a_process_without_locks)
{
    begin();
    facts.last.users.count = facts.first.users.count = 0;
    CHECK_FINDING("no_locks", CLI_DEGRADED);
    facts.first.users.count = 1; /* it is closing */
    CHECK_FINDING("wal", CLI_OK);
    facts.first.users.count = 0;
    facts.last.users.unnamed = true; /* it may be that one */
    CHECK_FINDING("wal", CLI_OK);
    facts.last.users.unnamed = false;
    facts.last.users.partial = true; /* it may share the lock */
    CHECK_FINDING("wal", CLI_OK);
}

TEST(judge__the_reset_bug_needs_a_foreign_program_and_two_connections)
{
    begin();
    add_process(8, "python3");
    CHECK_FINDING("wal_reset_bug", CLI_DEGRADED);
    CHECK_INT(found.list[0].pid, 8);
    facts.wal_reset_safe = true;
    CHECK_FINDING("wal", CLI_OK);
    facts.wal_reset_safe = false;
    facts.processes.list[1].open[CLI_TURN] = 1;
    CHECK_FINDING("wal", CLI_OK);
    begin();
    facts.processes.list[0].open[CLI_TURN] = 0;
    facts.processes.list[0].open[CLI_DATABASE] = 1;
    CHECK_FINDING("wal", CLI_OK);
}

TEST(judge__one_has_the_database_for_itself)
{
    begin();
    facts.last.main_lock =
        (struct cli_holders){.pids = {7}, .count = 1, .alone = true};
    CHECK_FINDING("wal", CLI_OK); /* in one look only */
    facts.first.main_lock = facts.last.main_lock;
    CHECK_FINDING("exclusive", CLI_DEGRADED);
}

TEST(judge__nobody_has_it_open)
{
    begin();
    facts.processes.count = facts.last.users.count = 0;
    CHECK_FINDING("not_in_use", CLI_OK);
    CHECK_STR(judged("wal_left")->what,
              "a -wal file is left, by a process that did not close the "
              "database");
    facts.processes.hidden = true;
    CHECK_CONTAINS(judged("not_in_use")->what, "as far as this user may see");
}

/* -------------------------------------------------------------------- WAL */

static void
pin(int slot, uint32_t mark, uint32_t checkpointed)
{
    begin();
    facts.last.readers[slot] = (struct cli_holders){.pids = {7}, .count = 1};
    facts.last.index.marks[slot] = mark;
    facts.last.index.checkpointed = checkpointed;
    facts.first = facts.last;
}

TEST(judge__a_pin_and_what_to_do)
{
    pin(2, 812, 812);
    facts.processes.list[0].since = 1;
    cli_judge(&facts, &found);
    CHECK_STR(found.list[0].code, "pin");
    CHECK_CONTAINS(found.list[0].what,
                   "process 7 (app) keeps a snapshot at frame 812 of 20334, "
                   "for all of the 100 ms watched; it runs since 19");
    CHECK_STR(found.list[0].remedy,
              "end its read transaction or cursor: 19522 frames cannot be "
              "checkpointed before, and the WAL grows");
}

TEST(judge__how_bad_a_pin_is)
{
    pin(1, 20334, 20334);
    CHECK_FINDING("pin", CLI_OK);
    CHECK_CONTAINS(judged("pin")->remedy, "begin anew");
    pin(1, 19334, 19334);
    CHECK_FINDING("pin", CLI_OK);
    pin(1, 19333, 19333);
    CHECK_FINDING("pin", CLI_DEGRADED);
    pin(0, 0, 20334); /* reads the bare database, and has all there */
    CHECK_FINDING("pin", CLI_OK);
    pin(0, 0, 19333);
    CHECK_FINDING("pin", CLI_DEGRADED);
    CHECK_CONTAINS(judged("pin")->remedy, "1001 frames");
}

TEST(judge__a_reader_that_comes_and_goes_is_no_pin)
{
    pin(1, 812, 812);
    facts.first.readers[1].count = 0;
    facts.last.index.checkpointed = 20334;
    CHECK_FINDING("wal", CLI_OK);
    CHECK_INT(found.count, 1);
    pin(1, 812, 812);
    facts.first.index.marks[1] = 700;
    facts.last.index.checkpointed = 20334;
    CHECK_FINDING("wal", CLI_OK);
    CHECK_INT(found.count, 1);
    pin(1, 812, 20334);
    facts.last.readers[1].alone = true; /* the mark is being moved */
    CHECK_FINDING("wal", CLI_OK);
    CHECK_INT(found.count, 1);
}

TEST(judge__a_pin_of_another_container)
{
    pin(1, 812, 812);
    facts.last.readers[1] = (struct cli_holders){.unnamed = true};
    facts.first = facts.last;
    CHECK_CONTAINS(judged("pin")->what, "a process of another container");
}

TEST(judge__who_writes_and_who_checkpoints)
{
    begin();
    facts.last.writer = (struct cli_holders){
        .pids = {7}, .count = 1, .alone = true};
    CHECK_FINDING("writer", CLI_OK);
    facts.first.writer = facts.last.writer;
    CHECK_FINDING("writer", CLI_DEGRADED);
    facts.first.index.commits = 8; /* it has committed meanwhile */
    CHECK_FINDING("writer", CLI_OK);
    begin();
    facts.last.checkpointer = (struct cli_holders){
        .pids = {7}, .count = 1, .alone = true};
    CHECK_FINDING("checkpointer", CLI_OK);
}

TEST(judge__a_wal_that_nobody_makes_shorter)
{
    begin();
    facts.last.index.checkpointed = 10334;
    CHECK_FINDING("wal", CLI_OK);
    facts.last.index.checkpointed = 10333;
    CHECK_FINDING("wal_long", CLI_DEGRADED);
    CHECK_CONTAINS(judged("wal_long")->what, "10001 frames");
    facts.threshold = 0;
    CHECK_FINDING("wal_long", CLI_DEGRADED);
}

TEST(judge__the_reset_bug_has_struck)
{
    begin();
    facts.last.index.checkpointed = 20335;
    CHECK_FINDING("wal_reset_struck", CLI_FAILING);
    facts.last.index.settled = false; /* the numbers are of two moments */
    CHECK_FINDING("wal", CLI_OK);
}

TEST(judge__a_wal_index_in_another_format)
{
    begin();
    facts.last.index.known = false;
    CHECK_FINDING("foreign_index", CLI_DEGRADED);
}

/* --------------------------------------------------------------- findings */

TEST(findings__the_worst_comes_first_and_none_breaks_the_list)
{
    cli_findings_init(&found);
    for (int i = 0; i < CLI_FINDINGS_MAX; i++)
        cli_findings_add(&found, CLI_OK, "a", "%d", i);
    cli_findings_add(&found, CLI_FAILING, "b", "%s", "last");
    cli_findings_sort(&found);
    CHECK_INT(found.count, CLI_FINDINGS_MAX);
    CHECK_INT(found.verdict, CLI_FAILING);
    CHECK_STR(found.list[0].code, "b");
    CHECK_STR(found.list[1].what, "0");
    CHECK_STR(found.list[2].what, "1");
}

CHECK_MAIN()
