/* Doctor: the command that looks at a database from outside.
 *
 * Does: gather, judge, report. With --open it opens the database, too, when all
 * looking is done and every file closed again.
 * Must not: disturb anybody who uses the database.
 * Lock: none. */
#include "doctor.h"

#include "judge.h"
#include "mem.h"

/* What only an opening can tell. */
static void
ask_health(const char *name, const struct cli_args *args,
           struct cli_findings *findings)
{
    walpool_options options = WALPOOL_OPTIONS_INIT;
    walpool_health health = {.verdict = WALPOOL_HEALTH_FAILING};
    walpool_error err = {.status = WALPOOL_OK};
    struct cli_finding *finding;
    walpool *db;

    options.mode = 2; /* read only, must exist */
    options.busy_timeout_ms = args->timeout_ms;
    db = walpool_open(name, &options, &err);
    if (!db || walpool_health_get(db, &health, &err) != WALPOOL_OK) {
        finding = cli_findings_add(findings, CLI_FAILING, "open", "%s",
                                   err.message);
        cli_finding_remedy(finding, "see the other findings");
    } else {
        cli_findings_add(findings, (enum cli_status)health.verdict, "open",
                         "it opens%s%s", health.reason[0] ? ": " : "",
                         health.reason);
    }
    if (db)
        walpool_close(db, -1, &err);
}

enum cli_status
cli_doctor(const struct cli_args *args)
{
    struct cli_report *report = walpool__mem_zalloc(sizeof *report);
    enum cli_status status = CLI_FAILING;

    if (!report ||
        !cli_facts_gather(args->file, args->watch_ms, args->threshold,
                          &report->facts)) {
        cli_output_error("out of memory");
    } else {
        report->name = args->file;
        cli_judge(&report->facts, &report->findings);
        if (args->open)
            ask_health(report->facts.path, args, &report->findings);
        cli_findings_sort(&report->findings);
        if (!args->json)
            cli_report_text(report);
        status = report->findings.verdict;
        if (args->json && !cli_json_print(cli_report_json, report))
            status = CLI_FAILING;
    }
    walpool__mem_free(report);
    return status;
}
