/* The shared interface: what of walpool.h the languages see. No language is
 * named here. Each language's own file (python/python.i, node/node.i,
 * go/go.i) states its typemaps for the shapes below and then includes this
 * one, so all of them wrap the same functions with the same arguments:
 *
 *   walpool *, walpool_lease *, ...   a handle: an integer
 *   (statement, call)                 one request
 *   (statements, count, call)         a batch of requests
 *   (sql, sql_bytes, call)            a request of a text alone
 *   call                              a request without a statement
 *   walpool_rows *rows                the block that comes back
 *   walpool_error *err, status        the language's way to fail
 */
%{
#include "walpool.h"
%}

#define WALPOOL_API

/* Plain data that the typemaps carry; no classes are made of it. */
%ignore walpool_version_info;
%ignore walpool_error;
%ignore walpool_options;
%ignore walpool_rows_header;
%ignore walpool_cell;
%ignore walpool_cell_v;
%ignore walpool_rows;
%ignore walpool_statement;
%ignore walpool_call;
%ignore walpool_result;
%ignore walpool_checkpoint_result;
%ignore walpool_backup_progress;
%ignore walpool_health;
%ignore walpool_lease_info;
%ignore walpool_lease_info_stack;
%ignore walpool_leases;
%ignore walpool_job;
%ignore walpool_completion;
%ignore walpool_hooks;

/* For C only: building and reading blocks, options as a struct, and SQLite. */
%rename("$ignore", regextarget=1) "^walpool_rows_";
%rename("$ignore", regextarget=1) "^walpool_options_";
%ignore walpool_request_decode;
%rename("$ignore", regextarget=1) "^walpool_private_";
%ignore WALPOOL_STATUS_LIST;
%ignore WALPOOL_HEALTH_LIST;
%ignore WALPOOL_REASON_LIST;

%include "walpool.h"
