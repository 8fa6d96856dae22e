"""What a README shows works. In every README.md, a fenced block marked

    sh                    holds commands: each exists, and so do their scripts
    c, python, js, go     is a whole program: it is built and run in an empty
                          folder, with the package as a user would get it, and
                          must end with status 0 within a minute

A listing that is no program is marked `text` or as another language.
"""

import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from _check import compiler, files, main, plant, run, where

FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```\s*$", re.M | re.S)
BUILTINS = {"cd", "export", "test", "echo", "."}
RUNNERS = {"sh", "bash", "python3", "python", "node", "."}
STOPS = {"&&", "||", "|", ";"}


# ------------------------------------------------------------------ commands


def commands(block):
    """(line, words) of each command; an assignment before it is dropped."""
    lines = block.replace("\\\n", "  ").splitlines()
    for number, line in enumerate(lines):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if word not in STOPS:
                words.append(word)
                continue
            while words and re.match(r"\w+=", words[0]):
                words.pop(0)
            if words:
                yield number, words
            words = []


def command_problem(root, words):
    name, *rest = words
    scripts = [name] if "/" in name else []
    if name in RUNNERS:
        scripts = [word for word in rest if not word.startswith("-")][:1]
    for script in scripts:
        if not (root / script).is_file():
            return f"there is no {script}; correct the path"
    if not scripts and name not in BUILTINS and not shutil.which(name):
        return f"there is no command {name}; correct it, or mark the block as text"
    return None


def sh_problems(root, block):
    for line, words in commands(block):
        problem = command_problem(root, words)
        if problem:
            yield line, problem


# ------------------------------------------------------ programs and packages


class Failed(Exception):
    """A step that should have worked; the text is what it printed."""


def step(command, **options):
    status, output = run([str(word) for word in command], **options)
    if status:
        raise Failed(f"{' '.join(map(str, command))}: status {status}\n{output.strip()}")
    return output


def run_c(root, folder, env):
    libraries = list(root.glob("build/debug/**/libwalpool.so"))
    flags = []
    if libraries:
        env["PKG_CONFIG_PATH"] = str(root / "build/debug/meson-uninstalled")
        env["LD_LIBRARY_PATH"] = str(libraries[0].parent)
        flags = step(["pkg-config", "--cflags", "--libs", "walpool"], env=env).split()
    program = folder / "program"
    source = folder / "program.c"
    step([*compiler(), "-std=c11", "-Wall", "-Werror", "-o", program, source, *flags])
    step([program], cwd=folder, env=env, timeout=60)


def run_python(root, folder, env):
    target = root / "build/readme/python"
    if (root / "pyproject.toml").exists() and not target.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        step([*pip, "--no-build-isolation", "--target", target, root])
    env["PYTHONPATH"] = str(target)
    step([sys.executable, "program.python"], cwd=folder, env=env, timeout=60)


def run_js(root, folder, env):
    target = root / "build/readme/node"
    if (root / "package.json").exists() and not target.exists():
        target.mkdir(parents=True)
        step(["npm", "run", "build"], cwd=root)
        name = step(["npm", "pack", "--silent", "--pack-destination", target], cwd=root)
        package = target / name.split()[-1]
        install = ["npm", "install", "--ignore-scripts", "--no-save", "--no-audit"]
        step([*install, "--prefix", target, package], cwd=target)
    (folder / "node_modules").symlink_to(target / "node_modules")
    (folder / "program.js").rename(folder / "program.mjs")
    step(["node", "program.mjs"], cwd=folder, env=env, timeout=60)


def run_go(root, folder, env):
    module = "module program\n\ngo 1.24\n"
    if (root / "go.mod").exists():
        path = re.search(r"^module (\S+)", (root / "go.mod").read_text(), re.M).group(1)
        module += f"\nrequire {path} v0.0.0\n\nreplace {path} => {root}\n"
    plant(folder, {"go.mod": module})
    (folder / "program.go").rename(folder / "main.go")
    step(["go", "build", "-o", "program", "."], cwd=folder, env=env)
    step([folder / "program"], cwd=folder, env=env, timeout=60)


PROGRAMS = {"c": run_c, "python": run_python, "js": run_js, "go": run_go}


def program_problem(root, language, text):
    with tempfile.TemporaryDirectory(prefix="walpool-readme-") as name:
        folder = Path(name).resolve()
        plant(folder, {f"program.{language}": text})
        try:
            PROGRAMS[language](root, folder, dict(os.environ))
        except Failed as failed:
            return f"correct this {language} program: {failed}"
    return None


def check(root):
    shutil.rmtree(root / "build/readme", ignore_errors=True)
    readmes = files(root, "README.md", "*/README.md")
    if root / "README.md" not in readmes:
        return ["README.md:1: write one"]
    problems = []
    for path in readmes:
        text = path.read_text()
        for block in FENCE.finditer(text):
            language, body = block.groups()
            first = text.count("\n", 0, block.start(2)) + 1
            found = []
            if language == "sh":
                found = sh_problems(root, body)
            elif language in PROGRAMS:
                found = [(0, program_problem(root, language, body))]
            problems += [
                f"{where(root, path, first + at)}: {what}" for at, what in found if what
            ]
    return problems


def fenced(language, text):
    return {"README.md": f"# A\n\n```{language}\n{text}\n```\n"}


GO = 'package main\n\nimport "os"\n\nfunc main() { os.Exit(%d) }'
GOOD = {
    **fenced("sh", "sh a.sh --b && cd x # c\nX=1 ./a.sh | cat"),
    "a.sh": "exit 0\n",
    "c/README.md": "```c\nint main(void) { return 0; }\n```\n"
    "```python\nimport sys\n```\n\n```js\nawait 1\n```\n```text\n?\n```\n"
    "```go\n" + GO % 0 + "\n```\n",
}
BROKEN = {
    "README.md:5: there is no b.sh": fenced("sh", "sh a.sh\nFOO=1 sh b.sh"),
    "there is no ./b.sh": fenced("sh", "cd x; ./b.sh"),
    "there is no command walpoool": fenced("sh", "walpoool --help"),
    "README.md:4: correct this c program": fenced("c", "int main(void) { return 3; }"),
    "correct this python program": fenced("python", "import walpool_is_not_here"),
    "correct this js program": fenced("js", "await Promise.reject(1)"),
    "correct this go program": fenced("go", GO % 1),
    "README.md:1: write one": {"README.md": None},
}

if __name__ == "__main__":
    main(check, GOOD, BROKEN)
