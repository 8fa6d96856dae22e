/* Findings: what doctor says about a database, worst first. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include "output.h"
#include "processes.h"

#define CLI_FINDINGS_MAX 64
#define CLI_REMEDY_BYTES 384

struct cli_finding {
    enum cli_status severity;
    const char *code; /* one word for programs, such as "pin" */
    int64_t pid;      /* the process that it is about, or 0 */
    char what[384];
    char remedy[CLI_REMEDY_BYTES]; /* "" where nothing is to be done */
};

struct cli_findings {
    struct cli_finding list[CLI_FINDINGS_MAX];
    int count; /* more than the room are left out; the verdict counts them */
    enum cli_status verdict;
};

void cli_findings_init(struct cli_findings *findings);

/* Add one. Returns it, for the remedy and the process; never NULL. */
struct cli_finding *cli_findings_add(struct cli_findings *findings,
                                     enum cli_status severity,
                                     const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);
void cli_finding_remedy(struct cli_finding *finding, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* The worst first; otherwise in the order in which they were added. */
void cli_findings_sort(struct cli_findings *findings);

/* "process 12 (name)", or "a process of another container" for 0. */
#define CLI_WHO_BYTES 80
const char *cli_findings_who(const struct cli_processes *processes, int64_t pid,
                             char dst[CLI_WHO_BYTES]);

#endif
