# The tests of the C library under the address and undefined sanitizers.
. tests/stages/meson.sh
build build/asan -Db_sanitize=address,undefined -Db_lundef=false &&
    run_tests build/asan --setup asan
