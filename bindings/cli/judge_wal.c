/* Judge, WAL: who writes, who checkpoints, who keeps the WAL from being reset.
 *
 * A reader with the mark m needs all frames up to m as they are, so a
 * checkpoint copies no frame behind m; and one that reads the bare database
 * file (slot 0) lets it copy none at all. What is seen in both looks lasts;
 * what is seen in one only is a service at work.
 *
 * Does: find pins, long write locks, a WAL that nobody makes shorter.
 * Must not: look at anything but the facts.
 * Lock: none. */
#include <stdio.h>

#include "judge.h"
#include "text.h"

/* A WAL this many thresholds long is not being kept small; as in health. */
#define LONG_WAL_THRESHOLDS 10

/* "for the 1000 ms that doctor watched; it runs since 2026-11-21 14:03:11" */
static void
tell_since(const struct cli_facts *facts, int64_t pid, char *dst, size_t room)
{
    const struct cli_process *process =
        cli_processes_lookup(&facts->processes, pid);
    char since[32];
    int used = 0;

    if (facts->watched_ms > 0)
        used = snprintf(dst, room, ", for all of the %lld ms watched",
                        (long long)facts->watched_ms);
    else
        dst[0] = '\0';
    if (process && process->since > 0)
        snprintf(dst + used, room - (size_t)used, "; it runs since %s",
                 cli_text_time(process->since, since, sizeof since));
}

static void
judge_pin(const struct cli_facts *facts, int slot, int64_t pid,
          struct cli_findings *out)
{
    const struct cli_index *index = &facts->last.index;
    uint32_t frame = slot == 0 ? 0 : index->marks[slot];
    int64_t held =
        (int64_t)index->frames - (slot == 0 ? index->checkpointed : frame);
    char who[CLI_WHO_BYTES], since[128];
    struct cli_finding *finding;

    cli_findings_who(&facts->processes, pid, who);
    tell_since(facts, pid, since, sizeof since);
    finding = cli_findings_add(
        out, held > facts->threshold ? CLI_DEGRADED : CLI_OK, "pin",
        "%s keeps a snapshot at frame %u of %u%s", who, frame, index->frames,
        since);
    finding->pid = pid;
    if (held > 0)
        cli_finding_remedy(finding,
                           "end its read transaction or cursor: %lld frames "
                           "cannot be checkpointed before, and the WAL grows",
                           (long long)held);
    else
        cli_finding_remedy(finding, "do not keep it for long: the WAL cannot "
                                    "begin anew before");
}

/* Slot and mark are the same as before, and so is who has it. */
static void
judge_slot(const struct cli_facts *facts, int slot, struct cli_findings *out)
{
    const struct cli_holders *first = &facts->first.readers[slot];
    const struct cli_holders *last = &facts->last.readers[slot];

    if (last->alone || (slot > 0 && facts->first.index.marks[slot] !=
                                        facts->last.index.marks[slot]))
        return;
    if (facts->last.index.frames == 0)
        return;
    for (int i = 0; i < last->count && i < CLI_HOLDERS_MAX; i++)
        if (cli_holders_has(first, last->pids[i]))
            judge_pin(facts, slot, last->pids[i], out);
    if (first->unnamed && last->unnamed)
        judge_pin(facts, slot, 0, out);
}

static void
judge_writer(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_holders *first = &facts->first.writer;
    const struct cli_holders *last = &facts->last.writer;
    bool lasts = cli_holders_is_held(first) && cli_holders_is_held(last) &&
                 first->pids[0] == last->pids[0] && facts->watched_ms > 0 &&
                 facts->first.index.commits == facts->last.index.commits;
    char who[CLI_WHO_BYTES], since[128];
    struct cli_finding *finding;

    if (!cli_holders_is_held(last))
        return;
    cli_findings_who(&facts->processes, last->pids[0], who);
    tell_since(facts, last->pids[0], since, sizeof since);
    finding = cli_findings_add(out, lasts ? CLI_DEGRADED : CLI_OK, "writer",
                               "%s has the write lock%s", who,
                               lasts ? since : "");
    finding->pid = last->pids[0];
    if (lasts)
        cli_finding_remedy(finding, "commit or roll back its write "
                                    "transaction: nobody else can write");
}

static void
judge_checkpointer(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_holders *last = &facts->last.checkpointer;
    char who[CLI_WHO_BYTES];

    if (cli_holders_is_held(last))
        cli_findings_add(
            out, CLI_OK, "checkpointer", "%s checkpoints just now",
            cli_findings_who(&facts->processes, last->pids[0], who))
            ->pid = last->pids[0];
}

/* More frames in the database than the WAL has: nothing else does that. */
static void
judge_tripwire(const struct cli_index *index, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (!index->settled || index->checkpointed <= index->frames)
        return;
    finding = cli_findings_add(
        out, CLI_FAILING, "wal_reset_struck",
        "SQLite's WAL-reset bug has struck: %u frames count as checkpointed, "
        "and the WAL has %u: commits are about to be lost",
        index->checkpointed, index->frames);
    cli_finding_remedy(finding,
                       "end all processes that have it open with SIGKILL, so "
                       "that none checkpoints; copy the database and its -wal; "
                       "then open it: recovery reads the WAL anew");
}

static void
judge_length(const struct cli_facts *facts, struct cli_findings *out)
{
    const struct cli_index *index = &facts->last.index;
    int64_t pending = (int64_t)index->frames - index->checkpointed;
    struct cli_finding *finding;

    if (pending <= facts->threshold * LONG_WAL_THRESHOLDS)
        return;
    finding = cli_findings_add(
        out, CLI_DEGRADED, "wal_long",
        "%lld frames of the WAL are not in the database, %lld times the "
        "threshold", (long long)pending,
        (long long)(pending / (facts->threshold ? facts->threshold : 1)));
    cli_finding_remedy(finding, "end what pins it, if something does; then "
                                "walpool checkpoint FILE truncate");
}

void
cli_judge_holders(const struct cli_facts *facts, struct cli_findings *out)
{
    judge_writer(facts, out);
    judge_checkpointer(facts, out);
    for (int slot = 0; facts->last.index.known && slot < CLI_MARKS; slot++)
        judge_slot(facts, slot, out);
}

void
cli_judge_wal(const struct cli_facts *facts, struct cli_findings *out)
{
    struct cli_finding *finding;

    if (!cli_judge_is_used(facts))
        return;
    cli_judge_holders(facts, out);
    if (!facts->last.index.whole)
        return;
    if (!facts->last.index.known) {
        finding = cli_findings_add(
            out, CLI_DEGRADED, "foreign_index",
            "the -shm file is not in a format that is known here (version %u)",
            facts->last.index.version);
        cli_finding_remedy(finding, "if it stays so, another program than "
                                    "SQLite uses the database");
        return;
    }
    judge_tripwire(&facts->last.index, out);
    judge_length(facts, out);
}
