/* Report as text: the verdict, the findings with what to do, the facts.
 *
 * Does: print.
 * Must not: judge.
 * Lock: none. */
#include <stdio.h>

#include "doctor.h"
#include "text.h"

#define LABEL "%-14s "

static void
print_finding(const struct cli_finding *finding)
{
    printf("\n%s: %s\n", cli_output_verdict(finding->severity), finding->what);
    if (finding->remedy[0])
        printf("    %s\n", finding->remedy);
}

static void
print_holders(const struct cli_facts *facts, const struct cli_holders *holders)
{
    char who[CLI_WHO_BYTES];
    const char *between = "";

    for (int i = 0; i < holders->count && i < CLI_HOLDERS_MAX; i++) {
        printf("%s%s", between,
               cli_findings_who(&facts->processes, holders->pids[i], who));
        between = ", ";
    }
    if (holders->unnamed)
        printf("%s%s", between, cli_findings_who(&facts->processes, 0, who));
    printf("%s\n", cli_holders_is_held(holders) ? "" : "nobody");
}

static void
print_database(const struct cli_facts *facts)
{
    const struct cli_header *header = &facts->header;
    char size[32];

    printf(LABEL "%s\n", "database",
           cli_text_bytes(facts->file.bytes, size, sizeof size));
    printf(LABEL "%u bytes\n", "page", header->page_bytes);
    printf(LABEL "%s\n", "journal mode",
           header->write_version == 2 ? "wal" : "rollback");
    if (facts->free_bytes >= 0)
        printf(LABEL "%s\n", "disk left",
               cli_text_bytes(facts->free_bytes, size, sizeof size));
}

static void
print_wal(const struct cli_facts *facts)
{
    const struct cli_index *index = &facts->last.index;
    char size[32];

    printf(LABEL "%s", "WAL",
           cli_text_bytes(facts->parts[CLI_WAL].bytes, size, sizeof size));
    if (index->known && cli_holders_is_held(&facts->last.users))
        printf(", %u frames, %u of them in the database", index->frames,
               index->checkpointed);
    printf("; threshold %lld\n", (long long)facts->threshold);
}

static void
print_snapshots(const struct cli_facts *facts)
{
    for (int slot = 0; slot < CLI_MARKS; slot++) {
        const struct cli_holders *holders = &facts->last.readers[slot];

        if (!cli_holders_is_held(holders) || holders->alone)
            continue;
        printf(LABEL "frame %u: ", "snapshot",
               slot == 0 ? 0 : facts->last.index.marks[slot]);
        print_holders(facts, holders);
    }
}

static void
print_processes(const struct cli_facts *facts)
{
    for (int i = 0; i < facts->processes.count; i++) {
        const struct cli_process *process = &facts->processes.list[i];
        char who[CLI_WHO_BYTES], since[32];

        printf(LABEL "%s%s", "open in",
               cli_findings_who(&facts->processes, process->pid, who),
               process->open[CLI_TURN] ? ", by walpool" : "");
        if (process->since > 0)
            printf(", since %s",
                   cli_text_time(process->since, since, sizeof since));
        printf("\n");
    }
    if (facts->processes.hidden)
        printf(LABEL "maybe others, whose files this user may not see\n",
               "open in");
}

void
cli_report_text(const struct cli_report *report)
{
    const struct cli_facts *facts = &report->facts;

    cli_output_head(report->name, report->findings.verdict);
    printf("\n");
    for (int i = 0; i < report->findings.count; i++)
        print_finding(&report->findings.list[i]);
    if (!facts->header.magic)
        return;
    printf("\n");
    print_database(facts);
    print_wal(facts);
    printf(LABEL, "write lock");
    print_holders(facts, &facts->last.writer);
    printf(LABEL, "checkpoint");
    print_holders(facts, &facts->last.checkpointer);
    print_snapshots(facts);
    print_processes(facts);
    printf(LABEL "%s of this command, %s\n", "SQLite", facts->sqlite,
           facts->wal_reset_safe ? "without the WAL-reset bug"
                                 : "with the WAL-reset bug");
}
