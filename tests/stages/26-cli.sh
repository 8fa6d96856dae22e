# The command `walpool`: each subcommand, its help and its man page.
. tests/stages/meson.sh
build build/debug || exit 1
rm -f build/debug/cli-junit.xml
python3 -m pytest -q -p no:cacheprovider --junit-xml build/debug/cli-junit.xml tests/cli
python3 tests/python/count.py build/debug/cli-junit.xml $?
