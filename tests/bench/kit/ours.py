"""Builds walpool as its users get it, in release mode, for a SQLite source.

A build that is up to date is quick, so nothing is remembered between runs.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from pathlib import Path

from .peers import Node
from .workshop import Failed, Workshop


def setup_options(source: Path | None) -> list[str]:
    """Meson's: the system's SQLite, or the one in the folder `source`."""
    options = ["-Dtests=false", "-Dbuildtype=release"]
    return options + (["-Dsqlite=bundled", f"-Dsqlite_source={source}"] if source else [])


def meson(shop: Workshop, build: Path, options: list[str]) -> None:
    """Configure and compile; a build folder that another Meson left is made anew."""
    setup: list[str | Path] = ["meson", "setup", *options, build, shop.root]
    try:
        shop.run([*setup, "--reconfigure"])
    except Failed:
        shop.run([*setup, "--wipe"])
    shop.run(["meson", "compile", "-C", build])


def core(shop: Workshop) -> Path:
    """The C library on the system's SQLite: the folder that it is in."""
    build = shop.folder / "build" / "c"
    shop.say("building libwalpool")
    meson(shop, build, setup_options(None))
    return build / "core"


def c_program(shop: Workshop, group: str, *sources: str) -> Path:
    """A measuring program in C, of files in the folder of its group."""
    library, program = core(shop), shop.folder / f"{group}-c"
    flags = shlex.split(shop.output(["pkg-config", "--cflags", "--libs", "sqlite3"]))
    files = [shop.source / group / source for source in sources]
    shop.run(["cc", "-std=c11", "-O2", "-DNDEBUG", "-D_GNU_SOURCE", "-pthread",
              "-I", shop.root / "include", "-I", shop.source / "kit", *files,
              "-o", program, f"-L{library}", "-lwalpool", f"-Wl,-rpath,{library}", *flags])
    return program


def python(shop: Workshop, name: str, source: Path | None) -> Path:
    """The wheel's contents in a folder of its own."""
    shop.say(f"building the Python package on SQLite of {source or 'the system'}")
    target, build = shop.folder / f"ours-python-{name}", shop.folder / "build" / f"python-{name}"
    build.mkdir(parents=True, exist_ok=True)
    options = [f"-Csetup-args={option}" for option in setup_options(source)]
    shop.run(["python", "-m", "pip", "install", "--disable-pip-version-check", "--no-build-isolation",
              "--no-deps", "--upgrade", "--target", target, f"-Cbuild-dir={build}", *options, shop.root])
    return target


def python_hand(shop: Workshop) -> Path:
    """The hand-written extension, in a folder of its own."""
    folder = shop.folder / "hand"
    folder.mkdir(exist_ok=True)
    shared(shop, "python_hand.c", folder / "python_hand.so", Path(sysconfig.get_path("include")))
    return folder


def node(shop: Workshop, name: str, peer: Node) -> Path:
    """The package as npm would lay it out; the addon takes the SQLite source
    that is in the peer's package."""
    shop.say(f"building the Node.js package on SQLite of {peer.sqlite_source}")
    build, package = shop.folder / "build" / name, shop.folder / f"ours-{name}"
    meson(shop, build, [*setup_options(peer.sqlite_source), "-Dnode=enabled", f"-Dnode_include={peer.include}",
                        f"-Dnode_addon_include={os.environ['WALPOOL_NODE_ADDON_INCLUDE']}"])
    shutil.rmtree(package, ignore_errors=True)
    source = shop.root / "bindings" / "node"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("*.c", "*.h", "*.i", "prebuilds"))
    platform = shop.output([peer.binary, "-p", "`${process.platform}-${process.arch}`"])
    (package / "prebuilds").mkdir()
    shutil.copyfile(build / "bindings" / "node" / "walpool.node", package / "prebuilds" / f"{platform}.node")
    return package / "index.mjs"


def node_hand(shop: Workshop, include: Path) -> Path:
    addon = shop.folder / "hand.node"
    shared(shop, "node_hand.c", addon, include)
    return addon


def shared(shop: Workshop, source: str, target: Path, include: Path) -> None:
    here = shop.source / "border"
    shop.run(["cc", "-std=gnu11", "-O2", "-DNDEBUG", "-shared", "-fPIC", "-I", include,
              here / source, here / "number.c", "-o", target])


def go_program(shop: Workshop, header: Path, env: dict[str, str]) -> Path:
    """walpool's C takes the SQLite that is in the program already: mattn's."""
    shop.say("building the Go program (the first time takes some minutes)")
    program = shop.folder / "border-go"
    shop.run(["go", "build", "-p", "2", "-tags", "walpool_nosqlite", "-o", program, "."],
             cwd=shop.source / "border" / "go",
             env={**env, "CGO_ENABLED": "1", "CGO_CFLAGS": f"-O2 -I{header}"})
    return program
