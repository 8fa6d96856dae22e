/* Session: a database that a command has open, and work on it. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "options.h"
#include "progress.h"

struct cli_session {
    walpool *db;
    walpool_queue *queue;
    walpool_token *token; /* cancelled by an interrupt */
};

enum cli_mode { CLI_MUST_EXIST = 1, CLI_READ_ONLY = 2 }; /* of the options */

/* Open the file. False: err says why, and there is nothing to close. */
bool cli_session_open(struct cli_session *session, const struct cli_args *args,
                      enum cli_mode mode, walpool_error *err);

/* Close all. Has nothing to do with a session that did not open. */
walpool_status cli_session_close(struct cli_session *session,
                                 walpool_error *err);

/* Carry out the job and draw the bar meanwhile; `progress` may be NULL. */
walpool_status cli_session_run(struct cli_session *session, walpool_job *job,
                               struct cli_progress *progress,
                               walpool_completion *done);

/* Read by one statement. */
walpool_status cli_session_read(struct cli_session *session, const char *sql,
                                struct cli_progress *progress,
                                walpool_rows *rows, walpool_error *err);

/* A text of the rows, ended, without controls; "" for NULL. */
const char *cli_session_text(const walpool_rows *rows, size_t row,
                             size_t column, char *dst, size_t room);

#endif
