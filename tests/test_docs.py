"""The documentation is true: its code runs, its names, constants and links exist.

`python tests/test_docs.py README.md` runs the blocks of a page in full and puts what
they print between its markers `<!-- output -->` and `<!-- end of output -->`.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import io
import math
import os
import re
import sys
import tempfile
from pathlib import Path

import pytest

import pinnsven as ps


ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^- `ps\.(\w+)(\(.*\))?`: \w", re.MULTILINE)


def name(page):
    return page.relative_to(ROOT).as_posix()


def compiled(page, text, match):
    """A block, padded so that an error shows the line in its file."""
    line = text.count("\n", 0, match.start(1))
    return compile("\n" * line + match.group(1), str(page), "exec")


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return [compiled(page, text, match) for match in BLOCK.finditer(text)]


SLOW = {"README.md", "getting-started.md"}
WITH_CODE = [
    pytest.param(
        page, marks=pytest.mark.slow if page.name in SLOW else (), id=name(page)
    )
    for page in PAGES
    if blocks(page)
]


@pytest.mark.parametrize("page", WITH_CODE)
def test_code_blocks_run(page, tmp_path, monkeypatch):
    """In order and in one namespace; what they write goes to a folder of their own.

    Runs without a limit, of the README, and the long ones of "Getting started" are cut
    short: whether they end well is a matter of the benchmarks.
    """
    monkeypatch.chdir(tmp_path)
    whole = ps.solve
    most = 40 if page.name in SLOW else math.inf

    @functools.wraps(whole)
    def short(*args, steps=3, **options):
        steps = min(steps, most)
        return whole(*args, **{"steps": steps, "progress": False} | options)

    monkeypatch.setattr(ps, "solve", short)
    namespace = {"__name__": "documentation"}
    for block in blocks(page):
        exec(block, namespace)


def public_names():
    """The re-exports of the package, from its source."""
    tree = ast.parse(Path(inspect.getfile(ps)).read_text(encoding="utf-8"))
    relative = [n for n in tree.body if isinstance(n, ast.ImportFrom) and n.level]
    return [alias.asname for node in relative for alias in node.names]


def test_api_page_names_every_public_name_once():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert sorted(m[1] for m in ENTRY.finditer(text)) == sorted(public_names())


def test_api_page_gives_the_signatures():
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for entry in ENTRY.finditer(text):
        thing = getattr(ps, entry[1])
        if entry[2] is None:
            # What the library makes, what a user derives from, and errors.
            assert isinstance(thing, type)
            continue
        assert entry[2] == signature(thing), f"docs/api.md on ps.{entry[1]}"


def signature(thing):
    """As it is written on the page: no annotations, functions by their name."""
    shown = []
    for p in inspect.signature(thing).parameters.values():
        # Takes positional arguments only to refuse them with a better message.
        if p.name == "unnamed":
            continue
        default = p.default
        if callable(default) and default is not p.empty:
            default = _Literal(default.__name__)
        shown.append(p.replace(annotation=p.empty, default=default))
    return str(inspect.Signature(shown))


class _Literal(str):
    __repr__ = str.__str__


CONSTANT = re.compile(r"^\| `(pinnsven[\w.]+)\.(\w+)` \| (\S+) \|", re.MULTILINE)


def test_constants_on_the_page_are_those_of_the_code():
    text = (ROOT / "docs" / "sven.md").read_text(encoding="utf-8")
    found = CONSTANT.findall(text)
    assert len(found) > 10
    for owner, constant, value in found:
        actual = getattr(resolve(owner), constant)
        assert repr(actual) == value, f"docs/sven.md on {owner}.{constant}"


def resolve(path):
    """A module, or a class in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, attribute = path.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    missing = [
        target
        for target in LINK.findall(re.sub(r"(?ms)^```.*?^```$", "", text))
        if not (page.parent / target).exists()
    ]
    assert not missing


def test_every_page_is_in_the_navigation():
    text = (ROOT / ".mkdocs.yml").read_text(encoding="utf-8")
    for page in PAGES[1:]:
        assert f": {page.name}\n" in text


def test_readme_commands():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    start = "python3.11 -m venv .venv && .venv/bin/pip install -e "
    assert f"\n{start}. && .venv/bin/python -m pinnsven run burgers\n" in text
    assert f'\n{start}".[test]" && .venv/bin/pytest\n' in text


OUTPUT = re.compile(r"(<!-- output -->\n).*?(?=<!-- end of output -->)", re.DOTALL)


def refresh(page):
    """Put what the blocks of a page print between its markers."""
    text, namespace, printed = page.read_text(encoding="utf-8"), {}, ""
    found = [*BLOCK.finditer(text), *OUTPUT.finditer(text)]
    pieces, done = [], 0
    for match in sorted(found, key=lambda match: match.start()):
        if match.re is BLOCK:
            with contextlib.redirect_stdout(io.StringIO()) as caught:
                exec(compiled(page, text, match), namespace)
            printed = caught.getvalue()
            continue
        lines = "\n".join(line.rstrip() for line in printed.splitlines())
        pieces += [text[done : match.start()], match[1], f"```text\n{lines}\n```\n"]
        done = match.end()
    page.write_text("".join([*pieces, text[done:]]), encoding="utf-8")


if __name__ == "__main__":
    pages = [Path(argument).resolve() for argument in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for page in pages:
            refresh(page)
