/* The yardstick for a trivial call from Node.js: a function written by hand
 * against Node-API that calls a C function of another file. */
#define NAPI_VERSION 8
#include <node_api.h>

int32_t bench_number(void);

static napi_value
number(napi_env env, napi_callback_info info)
{
    (void)info;
    napi_value result;
    return napi_create_int32(env, bench_number(), &result) == napi_ok ? result : NULL;
}

NAPI_MODULE_INIT()
{
    napi_value function;
    if (napi_create_function(env, "number", NAPI_AUTO_LENGTH, number, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, "number", function) != napi_ok)
        return NULL;
    return exports;
}
