# The tests of the C library; 35-contract runs the scenarios.
. tests/stages/meson.sh
build build/debug && run_tests build/debug --no-suite contract
