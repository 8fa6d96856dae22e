/* Judge, use: who has the database open, and whether that is safe.
 *
 * Does: find unlinked files, lost locks, second copies, unguarded programs.
 * Must not: look at anything but the facts.
 * Lock: none. */
#include <stdio.h>

#include "judge.h"

/* -------------------------------------------------------------- one process */

static void
judge_gone(const struct cli_process *process, const char *who,
           struct cli_findings *out)
{
    const char *what = process->gone[CLI_DATABASE] ? "database"
                       : process->gone[CLI_WAL]    ? "-wal"
                                                   : "-shm";
    struct cli_finding *finding;

    if (!process->gone[CLI_DATABASE] && !process->gone[CLI_WAL] &&
        !process->gone[CLI_SHM])
        return;
    finding = cli_findings_add(
        out, CLI_FAILING, "unlinked",
        "the %s file that %s uses was deleted or replaced: what it commits is "
        "lost when it closes", what, who);
    finding->pid = process->pid;
    cli_finding_remedy(finding,
                       "before it closes, let it run VACUUM INTO with another "
                       "path; that saves all. Then end it and put the copy in "
                       "place without -wal and -shm");
}

static void
judge_moved(const struct cli_process *process, const char *who,
            struct cli_findings *out)
{
    struct cli_finding *finding;

    if (process->open[CLI_DATABASE] || process->gone[CLI_DATABASE] ||
        !process->open[CLI_SHM])
        return;
    finding = cli_findings_add(
        out, CLI_FAILING, "moved",
        "%s has this -shm open with another database: the file was moved or "
        "replaced while in use", who);
    finding->pid = process->pid;
    cli_finding_remedy(finding, "end that process before another one writes, "
                                "and put the database back that it uses");
}

static void
judge_copies(const struct cli_process *process, const char *who,
             struct cli_findings *out)
{
    struct cli_finding *finding;

    if (process->open[CLI_SHM] < 2)
        return;
    finding = cli_findings_add(
        out, CLI_FAILING, "two_sqlites",
        "%s has the -shm file open %d times: there are several copies of "
        "SQLite in it, and they drop each other's locks", who,
        process->open[CLI_SHM]);
    finding->pid = process->pid;
    cli_finding_remedy(finding, "stop it and let it use one SQLite library for "
                                "this file; then walpool check --full");
}

/* It has no lock in either look, and it had the file open between them. */
static void
judge_locks(const struct cli_facts *facts, const struct cli_process *process,
            const char *who, struct cli_findings *out)
{
    const struct cli_holders *users = &facts->last.users;
    struct cli_finding *finding;

    if (!process->visible || !process->open[CLI_SHM] || users->unnamed ||
        users->partial ||
        cli_holders_has(users, process->pid) ||
        cli_holders_has(&facts->first.users, process->pid) ||
        users->count > CLI_HOLDERS_MAX)
        return;
    finding = cli_findings_add(
        out, CLI_DEGRADED, "no_locks",
        "%s has the database open and holds none of SQLite's locks: it is a "
        "forked child, or a close() of the file dropped them", who);
    finding->pid = process->pid;
    cli_finding_remedy(finding, "a forked child must not use what it "
                                "inherited; otherwise restart the process");
}

static void
judge_processes(const struct cli_facts *facts, struct cli_findings *out)
{
    for (int i = 0; i < facts->processes.count; i++) {
        const struct cli_process *process = &facts->processes.list[i];
        char who[CLI_WHO_BYTES];

        cli_findings_who(&facts->processes, process->pid, who);
        judge_gone(process, who, out);
        judge_moved(process, who, out);
        judge_copies(process, who, out);
        judge_locks(facts, process, who, out);
    }
}

/* ----------------------------------------------------------- all of them */

/* The bug needs two connections of which one checkpoints by itself; walpool's
 * never do so at the wrong moment. */
static void
judge_reset_bug(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_process *foreign = NULL;
    int connections = 0;
    char who[CLI_WHO_BYTES];
    struct cli_finding *finding;

    for (int i = 0; i < facts->processes.count; i++) {
        const struct cli_process *process = &facts->processes.list[i];

        connections += process->open[CLI_DATABASE];
        if (process->open[CLI_DATABASE] && !process->open[CLI_TURN])
            foreign = process;
    }
    if (facts->wal_reset_safe || !foreign || connections < 2)
        return;
    finding = cli_findings_add(
        out, CLI_DEGRADED, "wal_reset_bug",
        "%s uses the database without walpool: if its SQLite is as old as this "
        "command's (%s) its checkpoints can lose commits of others",
        cli_findings_who(&facts->processes, foreign->pid, who), facts->sqlite);
    finding->pid = foreign->pid;
    cli_finding_remedy(finding, "let it use walpool or SQLite 3.51.3 or newer, "
                                "or PRAGMA wal_autocheckpoint=0 on each of its "
                                "connections");
}

static void
judge_nobody(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (cli_judge_is_used(facts))
        return;
    finding = cli_findings_add(out, CLI_OK, "not_in_use",
                               "nobody has the database open%s",
                               facts->processes.hidden
                                   ? ", as far as this user may see" : "");
    if (!facts->wal.known)
        return;
    finding = cli_findings_add(out, CLI_OK, "wal_left",
                               "a -wal file is left, by a process that did not "
                               "close the database");
    cli_finding_remedy(finding, "nothing is lost: the next opening reads it. "
                                "Do not move or copy the database without it");
}

static void
judge_exclusive(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_holders *first = &facts->first.main_lock;
    const struct cli_holders *last = &facts->last.main_lock;
    char who[CLI_WHO_BYTES];
    struct cli_finding *finding;

    if (!first->alone || !last->alone || first->pids[0] != last->pids[0])
        return;
    finding = cli_findings_add(
        out, CLI_DEGRADED, "exclusive",
        "%s has the database for itself: nobody else can open it",
        cli_findings_who(&facts->processes, last->pids[0], who));
    finding->pid = last->pids[0];
    cli_finding_remedy(finding, "end it, or let it run PRAGMA "
                                "locking_mode=NORMAL and read once");
}

void
cli_judge_use(const struct cli_facts *facts, struct cli_findings *out)
{
    judge_nobody(facts, out);
    judge_exclusive(facts, out);
    judge_processes(facts, out);
    judge_reset_bug(facts, out);
}
