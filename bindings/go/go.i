/* Go: how the shapes of walpool.i cross the border.
 *
 * A call has one argument beside its handle: a *Frame, one block of Go memory
 * without pointers that holds the error slot, the request and the room for
 * what comes back (frame.i here, internal/raw/frame.go there). One pointer
 * means one check by cgo and no allocation. Handles are uint64. */
%module raw

%include <stdint.i>
%include "frame.i"
%include "answers.i"

/* ---------------------------------------------------- handles, numbers */

%typemap(gotype) walpool *, walpool_lease *, walpool_cursor *, walpool_token *, walpool_backup *, walpool_prepared * "uint64"
%typemap(in) walpool *, walpool_lease *, walpool_cursor *, walpool_token *, walpool_backup *, walpool_prepared *
%{ $1 = ($1_ltype)(uintptr_t)$input; %}
%typemap(out) walpool *, walpool_lease *, walpool_cursor *, walpool_token *, walpool_backup *, walpool_prepared *
%{ $result = (long long)(uintptr_t)$1; %}

%typemap(gotype) enum walpool_status, walpool_status, walpool_kind, walpool_checkpoint_mode, walpool_task "int32"
%typemap(in) walpool_kind, walpool_checkpoint_mode, walpool_task %{ $1 = ($1_ltype)$input; %}
%typemap(out) enum walpool_status, walpool_status %{ $result = (int)$1; %}
%typemap(gotype) int32_t "int32"

%typemap(gotype) const char * "*byte"
%typemap(out) const char * %{ $result = (char *)$1; %}
%typemap(goout) const char * %{ $result = $input %}

/* The bytes of a large value go straight into the caller's slice. */
%typemap(gotype) (void *dst, size_t bytes) "[]byte"
%typemap(in) (void *dst, size_t bytes) %{ $1 = $input.array; $2 = (size_t)$input.len; %}

%typemap(gotype) walpool_version_info * "*VersionInfo"
%typemap(in) walpool_version_info * %{ $1 = (walpool_version_info *)$input; %}

/* Goroutines need no queue; constants stand in the package, with their docs. */
%ignore walpool_queue_open;
%ignore walpool_queue_fd;
%ignore walpool_queue_close;
%ignore walpool_submit;
%ignore walpool_completions;
%rename("$ignore", %$isenum) "";
%rename("$ignore", %$isenumitem) "";
%ignore WALPOOL_VERSION;
%ignore WALPOOL_VERSION_NUMBER;
%rename("$ignore", regextarget=1) "^WALPOOL_(ROWS|CELL|REQUEST|WHY|OPTIONS|CALL|LARGE)";
#pragma SWIG nowarn=314
%rename("%(camelcase)s", %$isfunction) "";

%include "walpool.i"
