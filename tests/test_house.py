"""The house rules: one-way corridor, small files, final classes, documented names."""

import ast
import subprocess
from pathlib import Path

import pytest

import pinnsven as ps


ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pinnsven"
# Each room imports only from rooms of earlier rows.
CORRIDOR = [
    {"_errors"},
    {"_quantities"},
    {"_precision", "_names"},
    {"geometry"},
    {"fields"},
    {"conditions"},
    {"residuals"},
    {"sven"},
    {"inference", "report"},
    {"solve"},
    {"problems"},
    {"__main__"},
]
ROOMS = {name: row for row, names in enumerate(CORRIDOR) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}
TOP = {
    "pinnsven",
    "examples",
    "tests",
    "docs",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
}

PUBLIC = {
    alias.asname or alias.name
    for node in ast.walk(TREES[PACKAGE / "__init__.py"])
    if isinstance(node, ast.ImportFrom) and node.level
    for alias in node.names
}

each_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(PACKAGE))
)


def module(path: Path) -> tuple[str, ...]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


MODULES = {module(path): path for path in FILES}


def imported(path: Path) -> set[tuple[str, ...]]:
    """The modules of the package that a file imports, inside functions too."""
    here = module(path)
    package = here if path.name == "__init__.py" else here[:-1]
    found = set()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found |= {base} | {(*base, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
    return {name for name in found if name in MODULES}


def room(name: tuple[str, ...]) -> str:
    return name[1] if len(name) > 1 else ""


@each_file
def test_imports_run_one_way(path):
    mine = room(module(path))
    if not mine:
        return
    others = {room(name) for name in imported(path)} - {mine, ""}
    if mine == "reference":
        assert not others & set(ROOMS), "a reference must not lean on the solver"
        return
    assert mine in ROOMS, "a new room needs its place in the corridor"
    late = {o for o in others if ROOMS.get(o, -1) >= ROOMS[mine]}
    assert not late, f"{mine} imports from {late}, which is not before it"


def test_no_module_imports_itself_in_a_circle():
    graph = {name: imported(path) - {name} for name, path in MODULES.items()}
    # The package itself is imported for its name and version only by the last room.
    graph = {name: {n for n in to if n != ("pinnsven",)} for name, to in graph.items()}
    done: set[tuple[str, ...]] = set()

    def visit(name, trail):
        assert name not in trail, " -> ".join(".".join(n) for n in (*trail, name))
        if name not in done:
            # A package's __init__ runs before its modules, which do not import it.
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


@each_file
def test_files_and_functions_stay_short(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 300
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1:] if ast.get_docstring(node) else node.body
            size = node.end_lineno - first[0].lineno + 1 if first else 0
            assert size <= 60, f"{node.name} has {size} lines"


def classes():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield path, node


def bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases]


def test_each_class_is_abstract_or_never_subclassed():
    own = {node.name for _, node in classes()}
    for path, node in classes():
        if path.name == "_errors.py":
            continue
        for base in bases(node):
            fine = base not in own or base.startswith("Abstract")
            assert fine, f"{node.name} is a subclass of the final class {base}"


def test_abstract_classes_have_abstract_parts_and_others_have_none():
    for _, node in classes():
        text = ast.unparse(node)
        parts = "abstractmethod" in text or "AbstractVar" in text
        assert parts == node.name.startswith("Abstract"), node.name


def test_no_class_overrides_what_is_already_written():
    methods = {
        node.name: {
            f.name
            for f in node.body
            if isinstance(f, ast.FunctionDef)
            and not any("abstract" in ast.unparse(d) for d in f.decorator_list)
        }
        for _, node in classes()
    }
    for _, node in classes():
        for base in bases(node):
            again = methods[node.name] & methods.get(base, set())
            assert not again, f"{node.name} overrides {again} of {base}"


def test_no_super_and_no_star_import():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert all(a.name != "*" for a in node.names), path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "super", path


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_names_are_documented(name):
    value = getattr(ps, name)
    assert value.__doc__ and value.__doc__.strip(), name
    if not isinstance(value, type):
        return
    for member, inner in vars(value).items():
        inner = getattr(inner, "fget", inner)
        if member.startswith("_") or not callable(inner) or isinstance(inner, type):
            continue
        # What an abstract class documents, its final classes only implement.
        docs = (getattr(vars(c).get(member), "__doc__", "") for c in value.__mro__)
        assert any(docs), f"{name}.{member}"


def test_public_names_are_re_exported_one_by_one():
    tree = TREES[PACKAGE / "__init__.py"]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert all(alias.asname == alias.name for alias in node.names)


def test_names_that_a_solution_uses_are_refused_in_a_model():
    from pinnsven.fields._model import RESERVED

    attributes = {n for n in vars(ps.Solution) if not n.startswith("_")}
    attributes |= {
        node.attr
        for _, owner in classes()
        if owner.name == "Solution"
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and not node.attr.startswith("_")
    }
    assert attributes
    assert attributes <= RESERVED, attributes - RESERVED


def test_the_top_of_the_repository_holds_only_what_belongs_there():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP
