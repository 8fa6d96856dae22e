/* Doctor: the command that looks at a database from outside. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "facts.h"
#include "findings.h"
#include "options.h"

/* What it found, and with --open what an opening said. */
struct cli_report {
    const char *name; /* as given */
    struct cli_facts facts;
    struct cli_findings findings;
};

enum cli_status cli_doctor(const struct cli_args *args);

void cli_report_text(const struct cli_report *report);
void cli_report_json(struct cli_json *json, const void *report);

#endif
