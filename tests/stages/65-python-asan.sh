# The Python package under the address and undefined sanitizers.
#
# Python itself is not built with them, so they are loaded before it; it leaks
# by design, so leaks are not looked for.
folder=build/python-asan
options="-Dpython=enabled -Dtests=false -Dbuildtype=debugoptimized
    -Db_sanitize=address,undefined -Db_lundef=false -Dprefix=/
    -Dpython.platlibdir=site -Dpython.purelibdir=site"

sanitizer() { # NAME: the library to load, or nothing
    found=$(${CC:-cc} -print-file-name="lib$1.so")
    [ "$found" = "lib$1.so" ] || echo "$found"
}

build() {
    # shellcheck disable=SC2086 # a list of words
    meson setup --reconfigure $folder $options ||
        meson setup --wipe $folder $options || return
    meson compile -C $folder &&
        rm -rf $folder/root &&
        meson install -C $folder --no-rebuild --quiet --tags python-runtime \
            --destdir "$PWD/$folder/root"
}

if [ -z "$(sanitizer asan)" ] || [ -z "$(sanitizer ubsan)" ]; then
    echo "this compiler has no sanitizers as shared libraries"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
if ! build; then
    echo "0 passed, 1 failed"
    exit 1
fi
rm -f $folder/junit.xml
LD_PRELOAD="$(sanitizer asan) $(sanitizer ubsan)" PYTHONMALLOC=malloc \
    PYTHONPATH=$folder/root/site PYTHONDONTWRITEBYTECODE=1 \
    ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
    python3 -m pytest -q -p no:cacheprovider -o faulthandler_timeout=240 \
    --junit-xml $folder/junit.xml -k "not test_typing__" tests/python
python3 tests/python/count.py $folder/junit.xml $?
