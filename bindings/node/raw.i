/* How a generated function looks. SWIG's own templates wrap every value in a
 * C++ class, which costs several times the call; these are plain Node-API, so
 * that a generated call costs what a hand-written one does. All typemaps are
 * ours too (node.i), so nothing of SWIG's run time is used. */

%fragment("js_global_function", "templates") %{
static napi_value
$jswrapper(napi_env env, napi_callback_info callback)
{
  struct addon *addon;
  struct slot *slot = nullptr;
  size_t argc = $jsargcount;
  napi_value info[$jsargcount + 1];
  napi_value jsresult = nullptr;
  (void)slot;
  $jslocals
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
