# The tests of the C library under the thread sanitizer.

# Older sanitizers do not know the address layout of newer kernels.
if [ -z "$fixed_layout" ] && setarch "$(uname -m)" -R true 2>/dev/null; then
    fixed_layout=yes exec setarch "$(uname -m)" -R sh "$0"
fi
. tests/stages/meson.sh
build build/tsan -Db_sanitize=thread -Db_lundef=false &&
    run_tests build/tsan --setup tsan
