# The C library and its tests are built without a warning.
. tests/stages/meson.sh
if build build/debug; then
    echo "1 passed, 0 failed"
else
    echo "0 passed, 1 failed"
fi
