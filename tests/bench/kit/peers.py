"""Installs the peers, pinned, into the private folder of the benchmarks."""

from __future__ import annotations

import platform
import re
import shutil
from pathlib import Path

from .workshop import Failed, Workshop

APSW = "apsw==3.54.1.0"  # carries the SQLite of better-sqlite3 13.2
BETTER_SQLITE = {20: "better-sqlite3@12.11.1", 22: "better-sqlite3@13.2.0"}
NODE_VERSION = {20: "20.20.2", 22: "22.23.3"}
NODE_GYP = "node-gyp@11.4.2"
MATTN = "github.com/mattn/go-sqlite3"
ARCHITECTURE = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def python(shop: Workshop) -> Path:
    """The folder that has APSW in it."""
    if not shop.stamped("python", APSW):
        shop.say(f"installing {APSW}")
        shop.run(["python", "-m", "pip", "install", "--disable-pip-version-check", "--no-deps",
                  "--only-binary", ":all:", "--upgrade", "--target", shop.folder / "python", APSW])
        shop.stamp("python", APSW)
    return shop.folder / "python"


def node_package(major: int) -> str:
    machine = ARCHITECTURE.get(platform.machine().lower())
    if platform.system() not in ("Linux", "Darwin") or not machine:
        raise Failed(f"no Node.js package for {platform.system()} {platform.machine()}")
    return f"node-{platform.system().lower()}-{machine}@{NODE_VERSION[major]}"


class Node:
    """A Node.js of its own with the better-sqlite3 that runs on it."""

    def __init__(self, shop: Workshop, major: int) -> None:
        self.shop, self.major = shop, major
        self.folder = shop.folder / f"node{major}"
        self.home = self.folder / "node_modules" / node_package(major).rsplit("@", 1)[0]
        self.binary = self.home / "bin" / "node"
        self.include = self.home / "include" / "node"
        self.better = self.folder / "node_modules" / "better-sqlite3"
        self.sqlite_source = self.better / "deps" / "sqlite3"

    def install(self) -> Node:
        pins = [node_package(self.major), BETTER_SQLITE[self.major]]
        pins += [NODE_GYP] if self.major == 20 else []
        if self.shop.stamped(self.folder.name, " ".join(pins)):
            return self
        self.shop.say(f"installing {' '.join(pins)}")
        self.folder.mkdir(exist_ok=True)
        (self.folder / "package.json").write_text('{"private": true}\n')
        self.shop.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
                       "--no-package-lock", "--force", *pins], cwd=self.folder)
        if self.major == 20:
            self.compile()
        self.shop.stamp(self.folder.name, " ".join(pins))
        return self

    def compile(self) -> None:
        """better-sqlite3 12 has no binary in its package: compile it here."""
        self.shop.say("compiling better-sqlite3 12 (some minutes)")
        gyp = self.folder / "node_modules" / "node-gyp" / "bin" / "node-gyp.js"
        self.shop.run([self.binary, gyp, "rebuild", "--release", "-j", "2",
                       f"--nodedir={self.home}"], cwd=self.better)


def go_environment(shop: Workshop) -> dict[str, str]:
    """Modules come into the private folder, at the versions of go.mod."""
    return {"GOMODCACHE": str(shop.folder / "go"), "GOFLAGS": "-mod=readonly -modcacherw",
            "GOTOOLCHAIN": "local", "GOWORK": "off"}


def go_version(shop: Workshop, module: str) -> str:
    text = (shop.source / "border" / "go" / "go.mod").read_text()
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if not found:
        raise Failed(f"go.mod does not require {module}")
    return found[1]


def mattn_header(shop: Workshop) -> Path:
    """A folder with the sqlite3.h of mattn's SQLite, which it names otherwise."""
    shop.run(["go", "mod", "download"], cwd=shop.source / "border" / "go", env=go_environment(shop))
    package = shop.folder / "go" / f"{MATTN}@{go_version(shop, MATTN)}"
    folder = shop.folder / "mattn-include"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(package / "sqlite3-binding.h", folder / "sqlite3.h")
    return folder
