"""Reads the functions of a C header: name, parameters, comment."""

import re
from dataclasses import dataclass

COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
PARAMETER = re.compile(r"\(\s*\*\s*(\w+)|(\w+)\s*(?:\[[^\]]*\]\s*)*$")


@dataclass
class Function:
    name: str
    line: int
    returns: str
    params: list
    doc: str  # the text of the /** comment directly above, or ""


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def split_params(text):
    """The names in a parameter list; commas in inner parentheses are inner."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    if text.strip() in ("", "void"):
        return []
    found = [PARAMETER.search(part.strip()) for part in parts]
    return [match.group(1) or match.group(2) for match in found]


def doc_above(text, start):
    above = text[:start].rstrip()
    opened = above.rfind("/*")
    if not above.endswith("*/") or not above.startswith("/**", opened):
        return ""
    lines = above[opened + 3 : -2].splitlines()
    return "\n".join(re.sub(r"^\s*\* ?", "", line) for line in lines)


def functions(text, mark="WALPOOL_API"):
    code = DIRECTIVE.sub(blank, COMMENT.sub(blank, text))
    for found in re.finditer(rf"\b{mark}\b([^;]*);", code):
        head, _, params = found.group(1).partition("(")
        *returns, name = re.split(r"(?=\b\w+\s*$)", head, maxsplit=1)
        yield Function(
            name=name.strip(),
            line=code.count("\n", 0, found.start()) + 1,
            returns=" ".join("".join(returns).split()),
            params=split_params(params.rstrip()[:-1]),
            doc=doc_above(text, found.start()),
        )
