/* Report as JSON: the same as one object.
 *
 * Does: name every fact and finding.
 * Must not: judge.
 * Lock: none. */
#include "doctor.h"

static void
put_findings(struct cli_json *json, const struct cli_findings *findings)
{
    cli_json_open(json, "findings", '[');
    for (int i = 0; i < findings->count; i++) {
        const struct cli_finding *finding = &findings->list[i];

        cli_json_open(json, NULL, '{');
        cli_json_text(json, "severity", cli_output_verdict(finding->severity));
        cli_json_text(json, "code", finding->code);
        cli_json_number(json, "process", finding->pid);
        cli_json_text(json, "what", finding->what);
        cli_json_text(json, "remedy", finding->remedy);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void
put_database(struct cli_json *json, const struct cli_facts *facts)
{
    const char *mode = !facts->header.magic              ? ""
                       : facts->header.write_version == 2 ? "wal"
                                                          : "rollback";

    cli_json_open(json, "database", '{');
    cli_json_text(json, "path", facts->path);
    cli_json_number(json, "bytes", facts->file.bytes);
    cli_json_number(json, "page_bytes", facts->header.page_bytes);
    cli_json_text(json, "journal_mode", mode);
    cli_json_number(json, "free_bytes", facts->free_bytes);
    cli_json_text(json, "file_system", facts->fs.type);
    cli_json_close(json, '}');
}

static void
put_wal(struct cli_json *json, const struct cli_facts *facts)
{
    cli_json_open(json, "wal", '{');
    cli_json_number(json, "bytes", facts->parts[CLI_WAL].bytes);
    cli_json_number(json, "frames", facts->last.index.frames);
    cli_json_number(json, "checkpointed", facts->last.index.checkpointed);
    cli_json_number(json, "threshold", facts->threshold);
    cli_json_close(json, '}');
}

/* A list of process numbers; 0 is a process of another container. */
static void
put_holders(struct cli_json *json, const char *name,
            const struct cli_holders *holders)
{
    cli_json_open(json, name, '[');
    for (int i = 0; i < holders->count && i < CLI_HOLDERS_MAX; i++)
        cli_json_number(json, NULL, holders->pids[i]);
    if (holders->unnamed)
        cli_json_number(json, NULL, 0);
    cli_json_close(json, ']');
}

static void
put_snapshots(struct cli_json *json, const struct cli_look *look)
{
    cli_json_open(json, "snapshots", '[');
    for (int slot = 0; slot < CLI_MARKS; slot++) {
        if (!cli_holders_is_held(&look->readers[slot]) ||
            look->readers[slot].alone)
            continue;
        cli_json_open(json, NULL, '{');
        cli_json_number(json, "frame",
                        slot == 0 ? 0 : look->index.marks[slot]);
        put_holders(json, "processes", &look->readers[slot]);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
}

static void
put_processes(struct cli_json *json, const struct cli_processes *processes)
{
    cli_json_open(json, "processes", '[');
    for (int i = 0; i < processes->count; i++) {
        const struct cli_process *process = &processes->list[i];

        cli_json_open(json, NULL, '{');
        cli_json_number(json, "process", process->pid);
        cli_json_text(json, "name", process->name);
        cli_json_number(json, "since", process->since);
        cli_json_bool(json, "walpool", process->open[CLI_TURN] > 0);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
    cli_json_bool(json, "processes_hidden", processes->hidden);
}

void
cli_report_json(struct cli_json *json, const void *data)
{
    const struct cli_report *report = data;
    const struct cli_facts *facts = &report->facts;

    cli_json_head(json, "doctor", report->name, report->findings.verdict);
    put_findings(json, &report->findings);
    put_database(json, facts);
    put_wal(json, facts);
    put_holders(json, "writer", &facts->last.writer);
    put_holders(json, "checkpointer", &facts->last.checkpointer);
    put_snapshots(json, &facts->last);
    put_processes(json, &facts->processes);
    cli_json_number(json, "watched_ms", facts->watched_ms);
    cli_json_open(json, "sqlite", '{');
    cli_json_text(json, "version", facts->sqlite);
    cli_json_bool(json, "wal_reset_safe", facts->wal_reset_safe);
    cli_json_close(json, '}');
}
