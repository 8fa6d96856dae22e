/* walpool for Node.js: how the shapes of walpool.i cross.
 *
 *   handle                    a number
 *   statement and call, call,
 *   statements, count, call   the id of a slot that holds the request
 *   walpool_rows *rows        the block of that slot; no argument
 *   walpool_error *err        the shared answer; no argument. A status is
 *                             returned as its number, a failed handle as 0
 */
%module walpool
#pragma SWIG nowarn=312 /* the union in walpool_cell, which is not wrapped */

%include "raw.i"

%{
#include "addon.h"
#include <mutex>
%}

%init %{
  struct addon *addon = addon_open(env, exports);
  if (!addon)
    throw Napi::Error::New(env, "walpool: no memory for the addon");
%}

/* Only queue.c submits; lib/ reads health as JSON. */
%ignore walpool_submit;
%ignore walpool_completions;
%ignore walpool_queue_open;
%ignore walpool_queue_fd;
%ignore walpool_queue_close;
%ignore walpool_health_get;
%ignore WALPOOL_OPTIONS_INIT;
%ignore WALPOOL_CALL_INIT;

/* ----------------------------------------------------------------- handles */

/* What the environment must end, if it ends first. */
%define MAKES(FUNCTION, KIND)
%exception FUNCTION "$action addon_track(addon, KIND, result);"
%enddef
%define ENDS(FUNCTION, KIND)
%exception FUNCTION
  "$action if (result == WALPOOL_OK) addon_untrack(addon, KIND, arg1);"
%enddef
%define SHOWS(FUNCTION, BEFORE)
%exception FUNCTION
  "$action if (result == WALPOOL_OK) slot_seen(addon, slot, BEFORE);"
%enddef
MAKES(walpool_open, ADDON_DATABASE)
MAKES(walpool_acquire, ADDON_LEASE)
MAKES(walpool_backup_start, ADDON_BACKUP)
MAKES(walpool_prepare, ADDON_PREPARED)
%exception walpool_prepared_close "$action addon_untrack(addon, ADDON_PREPARED, arg1);"
ENDS(walpool_backup_finish, ADDON_BACKUP)
ENDS(walpool_close, ADDON_DATABASE)
ENDS(walpool_release, ADDON_LEASE)
ENDS(walpool_cursor_close, ADDON_CURSOR)
SHOWS(walpool_read, nullptr)
SHOWS(walpool_run, nullptr)
SHOWS(walpool_cursor_next, arg1)

/* ---------------------------------------------------- requests and answers */

/* $input is a slot; what cannot be read is told in the answer, and undefined
 * is returned. */
%define SLOT(READ)
  slot = slot_get(addon, $input);
  if (READ(addon, slot) != WALPOOL_OK) return nullptr;
%enddef

%typemap(in) (const char *name, const walpool_options *options) {
  SLOT(slot_open_args)
  $1 = (char *)slot->request;
  $2 = &slot->options;
}
%typemap(in) (const walpool_statement *statement, const walpool_call *call) {
  SLOT(slot_statement)
  $1 = &slot->statement;
  $2 = &slot->call;
}
%typemap(in) (const walpool_statement *statements, size_t count,
              const walpool_call *call) {
  SLOT(slot_batch)
  $1 = slot->statements;
  $2 = slot->statement_count;
  $3 = &slot->call;
}
%typemap(in) (const char *sql, size_t sql_bytes, const walpool_call *call) {
  SLOT(slot_statement)
  $1 = (char *)slot->statement.sql; $2 = slot->statement.sql_bytes;
  $3 = &slot->call;
}
/* A path stands where the SQL would, with its NUL; the slot is given twice. */
%typemap(in) const char *to, const char *from {
  SLOT(slot_statement)
  $1 = (char *)slot->statement.sql;
}
%typemap(in) const walpool_call *call {
  SLOT(slot_call)
  $1 = &slot->call;
}
/* SWIG reads arguments without input first, so these wait for the check. */
%typemap(in, numinputs=0) walpool_result *results ""
%typemap(check) walpool_result *results "$1 = slot->results;"
%typemap(in, numinputs=0) walpool_rows *rows ""
%typemap(check) walpool_rows *rows "$1 = &slot->rows;"
%typemap(in, numinputs=0) walpool_error *err
  "if (!addon) napi_get_cb_info(env, callback, nullptr, nullptr, nullptr, (void **)&addon);
   $1 = &addon->answer->error;"
%typemap(in, numinputs=0) walpool_checkpoint_result *out "$1 = &addon->answer->checkpoint;"
%typemap(in, numinputs=0) walpool_backup_progress *out "$1 = &addon->answer->backup;"

%typemap(in, numinputs=0) walpool_version_info *out (walpool_version_info info_)
  "$1 = &info_;"
%typemap(argout) walpool_version_info *out
  "$result = addon_version(env, $1);"

%include "text.i"
%include "walpool.i"
