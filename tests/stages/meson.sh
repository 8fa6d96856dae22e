# shellcheck shell=sh
# What the stages that build the C code share.

build() { # FOLDER OPTION...: configure anew where needed, then compile
    folder=$1
    shift
    meson setup --reconfigure "$folder" --buildtype=debug --werror "$@" ||
        meson setup --wipe "$folder" --buildtype=debug --werror "$@" ||
        return
    meson compile -C "$folder"
}

run_tests() { # FOLDER OPTION...: run the tests and count them, subtest by subtest
    folder=$1
    shift
    rm -f "$folder"/meson-logs/testlog*
    meson test -C "$folder" --no-rebuild --print-errorlogs "$@"
    python3 tests/stages/count_junit.py "$folder/meson-logs"
}
