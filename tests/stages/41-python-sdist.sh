# The source distribution builds and works where there is no SWIG: one result.
folder=build/python/sdist

build_source() {
    rm -rf $folder && mkdir -p $folder/bin $folder/site || return
    for tool in meson ninja; do
        ln -s "$(command -v $tool)" $folder/bin/ || return
    done
    python3 -m build --sdist --no-isolation -Cbuild-dir=$folder/meson \
        -o $folder . >$folder/build.log 2>&1
}

asks_for_no_swig() {
    tar -xOf $folder/walpool-*.tar.gz --wildcards '*/pyproject.toml' >$folder/pyproject.toml &&
        ! grep -q swig $folder/pyproject.toml
}

build_wheel_without_swig() {
    PATH=$PWD/$folder/bin:/usr/bin:/bin "$(command -v python3)" -m pip install -q \
        --no-build-isolation --no-deps --no-index --target $folder/site \
        $folder/walpool-*.tar.gz
}

if ! git rev-parse --verify -q HEAD >/dev/null; then
    echo "not a git checkout: a source distribution is made of a commit"
    echo "0 passed, 0 failed, 1 skipped"
    exit
fi
if build_source && asks_for_no_swig && build_wheel_without_swig &&
    PYTHONPATH=$folder/site python3 -c 'import walpool; walpool.version()'; then
    echo "1 passed, 0 failed"
else
    cat $folder/build.log
    echo "0 passed, 1 failed"
fi
