# The tests of the C library.
. tests/stages/meson.sh
build build/debug && run_tests build/debug
