# The library as a user installs it: a program that is built with nothing but
# cc and pkg-config runs, and the header serves C11 and C++17.
prefix=$PWD/build/prefix
passed=0
failed=0

check() { # TITLE COMMAND...
    title=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok: $title"
    else
        failed=$((failed + 1))
        echo "FAILED: $title"
    fi
}

install() {
    rm -rf "$prefix" build/installed &&
        meson setup build/installed --prefix "$prefix" --libdir lib -Dtests=false &&
        meson install -C build/installed --quiet
}

compile() { # COMPILER... OUTPUT: the flags come from pkg-config alone
    # shellcheck disable=SC2046 # a list of flags
    "$@" $(pkg-config --cflags --libs walpool)
}

run_program() {
    rm -rf build/installed-run && mkdir build/installed-run &&
        LD_LIBRARY_PATH=$prefix/lib build/installed-program build/installed-run/app.db
}

only_public_files() {
    (cd "$prefix" && find . ! -type d | sed 's/\.so\..*/.so/' | sort -u) |
        diff - tests/system/installed.txt
}

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
check "meson installs it" install
check "nothing but the library, the header and walpool.pc" only_public_files
check "pkg-config knows the version" \
    pkg-config --exact-version="$(sed -n 's/^#define WALPOOL_VERSION "\(.*\)"/\1/p' include/walpool.h)" walpool
check "a C program is built with cc and pkg-config" \
    compile "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror \
    -o build/installed-program tests/system/installed.c
check "the program runs" run_program
check "the same program as C++17" \
    compile "${CXX:-c++}" -std=c++17 -Wall -Wextra -Werror -x c++ tests/system/installed.c \
    -x none -o build/installed-program-cpp
echo "$passed passed, $failed failed"
