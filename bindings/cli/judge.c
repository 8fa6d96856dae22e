/* Judge: what the facts mean, and what to do.
 *
 * Does: put the judgement together.
 * Must not: look at anything but the facts.
 * Lock: none. */
#include "judge.h"

void
cli_judge(const struct cli_facts *facts, struct cli_findings *findings)
{
    cli_findings_init(findings);
    if (cli_judge_files(facts, findings)) {
        cli_judge_wal(facts, findings);
        cli_judge_use(facts, findings);
    }
    cli_findings_sort(findings);
}
