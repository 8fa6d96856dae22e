/* Texts that the core writes into the memory of the addon: health, leases,
 * metrics, what a prepared statement is. */

/* JSON on success, otherwise the status. */
%typemap(in, numinputs=0) (char *dst, size_t capacity) ""
%typemap(check) (char *dst, size_t capacity)
  "$1 = addon->text; $2 = addon->text_bytes;"
%typemap(in, numinputs=0) size_t *need (size_t need_) "$1 = &need_;"
%typemap(argout) (char *dst, size_t capacity)
  "if (result == WALPOOL_OK)
     napi_create_string_utf8(env, $1, NAPI_AUTO_LENGTH, &$result);"

/* Their texts are as long as they are, and change while they are asked for. */
%define GROWS(FUNCTION)
%exception FUNCTION
  "$action
   while (result == WALPOOL_TOOBIG && addon_text(addon, *arg4 + 1024)) {
     arg2 = addon->text;
     arg3 = addon->text_bytes;
     $action
   }"
%enddef
GROWS(walpool_health_json)
GROWS(walpool_leases_json)
GROWS(walpool_metrics)
GROWS(walpool_prepared_json)
