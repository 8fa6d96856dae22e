# The tests of the C library under the address and undefined sanitizers.
. tests/stages/meson.sh
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
build build/asan -Db_sanitize=address,undefined -Db_lundef=false &&
    run_tests build/asan --timeout-multiplier 3
