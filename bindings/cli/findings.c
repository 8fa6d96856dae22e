/* Findings: what doctor says about a database, worst first.
 *
 * Does: collect, sort, name processes.
 * Must not: judge.
 * Lock: none. */
#include "findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
cli_findings_init(struct cli_findings *findings)
{
    memset(findings, 0, sizeof *findings);
}

struct cli_finding *
cli_findings_add(struct cli_findings *findings, enum cli_status severity,
                 const char *code, const char *format, ...)
{
    /* Where there is no room the last one gives way. */
    int place = findings->count < CLI_FINDINGS_MAX ? findings->count++
                                                   : CLI_FINDINGS_MAX - 1;
    struct cli_finding *finding = &findings->list[place];
    va_list args;

    memset(finding, 0, sizeof *finding);
    finding->severity = severity;
    finding->code = code;
    va_start(args, format);
    vsnprintf(finding->what, sizeof finding->what, format, args);
    va_end(args);
    if (severity > findings->verdict)
        findings->verdict = severity;
    return finding;
}

void
cli_finding_remedy(struct cli_finding *finding, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(finding->remedy, sizeof finding->remedy, format, args);
    va_end(args);
}

void
cli_findings_sort(struct cli_findings *findings)
{
    for (int i = 1; i < findings->count; i++) {
        struct cli_finding moved = findings->list[i];
        int to = i;

        for (; to > 0 && findings->list[to - 1].severity < moved.severity; to--)
            findings->list[to] = findings->list[to - 1];
        findings->list[to] = moved;
    }
}

const char *
cli_findings_who(const struct cli_processes *processes, int64_t pid,
                 char dst[CLI_WHO_BYTES])
{
    const struct cli_process *known = cli_processes_lookup(processes, pid);

    if (pid <= 0)
        snprintf(dst, CLI_WHO_BYTES, "a process of another container");
    else if (known && known->name[0])
        snprintf(dst, CLI_WHO_BYTES, "process %lld (%s)", (long long)pid,
                 known->name);
    else
        snprintf(dst, CLI_WHO_BYTES, "process %lld", (long long)pid);
    return dst;
}
