# The contract scenarios, by their C runner.
. tests/stages/meson.sh
build build/debug && run_tests build/debug --suite contract
