# Sourced by the stages: builds the wheel as users get it, and installs it into
# a private environment, build/python/venv. Sets `python` to the one in there,
# which also sees the test tools of .tools/venv.

install_environment() {
    [ -x build/python/venv/bin/python ] &&
        [ build/python/venv -nt .tools/venv/made-for ] && return
    rm -rf build/python/venv
    python3 -m venv --without-pip build/python/venv || return
    python3 -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' \
        >"$(site_of build/python/venv/bin/python)/tools.pth"
}

site_of() { # PYTHON
    "$1" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])'
}

install_wheel() {
    mkdir -p build/python/meson build/python/wheel && rm -f build/python/wheel/*.whl || return
    python3 -m pip wheel --no-build-isolation --no-deps --no-index -q \
        -w build/python/wheel -Cbuild-dir=build/python/meson . || return
    python3 -m pip --python build/python/venv/bin/python install --no-deps \
        --no-index --force-reinstall -q build/python/wheel/*.whl
}

if install_environment && install_wheel; then
    python=build/python/venv/bin/python
else
    echo "the Python package cannot be built or installed"
    echo "0 passed, 1 failed"
    exit 1
fi
