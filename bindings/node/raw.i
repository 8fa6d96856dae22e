/* How a generated function looks. SWIG's own templates wrap every value in a
 * C++ class, which costs several times the call; these are plain Node-API, so
 * that a generated call costs what a hand-written one does. All typemaps are
 * ours too (node.i), so nothing of SWIG's run time is used. */

%fragment("js_global_function", "templates") %{
static napi_value
$jswrapper(napi_env env, napi_callback_info callback)
{
  struct addon *addon = nullptr;
  struct slot *slot = nullptr;
  size_t argc = $jsargcount;
  napi_value info[$jsargcount + 1];
  napi_value jsresult = nullptr;
  (void)slot;
  $jslocals
  if ($jsargcount > 0) /* what needs nothing asks for nothing: half the cost */
    napi_get_cb_info(env, callback, &argc, info, nullptr, (void **)&addon);
  $jscode
  return jsresult;
}
%}

%fragment("jsnapi_register_global_function", "templates") %{
  addon_define(addon, exports, "$jsname", $jswrapper);
%}

/* A missing argument is undefined, which the typemaps refuse or read as 0. */
%fragment("js_check_arg", "templates") %{%}

/* Constants are plain properties. */
%fragment("js_global_getter", "templates") %{
static napi_value
$jswrapper(napi_env env, napi_callback_info callback)
{
  napi_value jsresult = nullptr;
  (void)callback;
  $jslocals
  $jscode
  return jsresult;
}
%}

%fragment("jsnapi_register_global_variable", "templates") %{
  napi_set_named_property(env, exports, "$jsname", $jsgetter(env, nullptr));
%}

/* Worker threads may load the module at the same time, and SWIG's tables are
 * set up without a lock. */
%fragment("js_initializer", "templates") %{
  $jsnapiregisternspaces
  return exports;
}

static Napi::Object
init_once_at_a_time(Napi::Env env, Napi::Object exports)
{
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  return Init(env, exports);
}

NODE_API_MODULE($jsname, init_once_at_a_time)
%}

/* ------------------------------------------------------------ plain values */

%typemap(out) void "napi_get_undefined(env, &$result);"
%typemap(out) int, unsigned int, int32_t, walpool_status
  "$result = addon_int32(env, (int32_t)$1);"
%typemap(out) char *, const char *
  "napi_create_string_utf8(env, $1, NAPI_AUTO_LENGTH, &$result);"
%typemap(in) int32_t, walpool_kind, walpool_checkpoint_mode, walpool_task %{
  {
    int32_t number = 0;
    napi_get_value_int32(env, $input, &number);
    $1 = ($1_ltype)number;
  }
%}
%typemap(in) int64_t, size_t %{
  {
    int64_t number = 0;
    napi_get_value_int64(env, $input, &number);
    $1 = ($1_ltype)number;
  }
%}

/* A Uint8Array of the length that is wanted. */
%typemap(in) (void *dst, size_t bytes) %{
  {
    napi_typedarray_type type;
    if (napi_get_typedarray_info(env, $input, &type, &$2, &$1, nullptr,
                                 nullptr) != napi_ok) {
      addon_misuse(addon, "$symname: not a Uint8Array");
      return nullptr;
    }
  }
%}

/* ----------------------------------------------------------------- handles */

%define HANDLE(TYPE)
%typemap(in) TYPE * "$1 = (TYPE *)addon_handle(env, $input);"
%typemap(out) TYPE *
  "$result = addon_number(env, (double)(uintptr_t)$1);"
%enddef
HANDLE(walpool)
HANDLE(walpool_lease)
HANDLE(walpool_cursor)
HANDLE(walpool_token)
HANDLE(walpool_backup)
HANDLE(walpool_prepared)
