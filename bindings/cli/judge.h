/* Judge: what the facts mean, and what to do. Pure: the same facts give the
 * same findings. */
#ifndef CLI_JUDGE_H
#define CLI_JUDGE_H

#include "facts.h"
#include "findings.h"

/* All findings, sorted. */
void cli_judge(const struct cli_facts *facts, struct cli_findings *findings);

/* Its parts: what lies there. False: it is no database that anybody can use,
 * and there is no more to say. */
bool cli_judge_files(const struct cli_facts *facts,
                     struct cli_findings *findings);

/* The WAL: who keeps it, how long it is. */
void cli_judge_wal(const struct cli_facts *facts,
                   struct cli_findings *findings);

/* Who uses it, how. */
void cli_judge_use(const struct cli_facts *facts,
                   struct cli_findings *findings);

/* Of that: who writes, who checkpoints, who has a snapshot. */
void cli_judge_holders(const struct cli_facts *facts,
                       struct cli_findings *findings);

/* Does anybody have it open? */
static inline bool
cli_judge_is_used(const struct cli_facts *facts)
{
    return facts->processes.count > 0 ||
           cli_holders_is_held(&facts->last.users) ||
           cli_holders_is_held(&facts->last.main_lock);
}

#endif
