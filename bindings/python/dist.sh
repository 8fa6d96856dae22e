#!/bin/sh
# Run by `meson dist` with SWIG's command: puts the wrapper into the archive and
# takes SWIG from what pip installs to build it.
set -e
cd "$MESON_DIST_ROOT/bindings/python"
"$@" -outdir "$MESON_BUILD_ROOT" -o raw_wrap.c python.i
sed -i.bak 's/, "swig==[0-9.]*"//' "$MESON_DIST_ROOT/pyproject.toml"
rm "$MESON_DIST_ROOT/pyproject.toml.bak"
