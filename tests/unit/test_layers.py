"""Imports go one way: no file imports from a layer above its own, and no files import each other in a circle.

All imports count, those inside functions and those for types alike: what is imported late is needed all the same, and a
name that only an annotation uses ties two files together for whoever reads them.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("tvm_patch", "relay_passes", "microtvm_project", "benchmarks")

LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "tvm_patch.errors",
        "tvm_patch.files",
        "tvm_patch.versioned_json",
        "tvm_patch.garbage",
        "tvm_patch.version",
        "tvm_patch.input_mode",
        "tvm_patch.border_mode",
        "tvm_patch.tir",
        "tvm_patch.tvm_types",
    ),
    ("tvm_patch.artifact_metadata", "tvm_patch.artifact_files"),
    (
        "tvm_patch.graph",
        "tvm_patch.rearrangement",
        "tvm_patch.integer",
        "tvm_patch.planner",
        "tvm_patch.targets",
        "tvm_patch.tflite",
        "tvm_patch.zoo",
        "tvm_patch.oracle",
    ),
    ("relay_passes",),
    ("tvm_patch.frontend", "tvm_patch.kernels"),
    ("tvm_patch.lowering",),
    ("tvm_patch.codegen",),
    ("tvm_patch.nas", "tvm_patch.redistribution", "tvm_patch.tuning"),
    ("tvm_patch.driver",),
    ("tvm_patch",),
    ("tvm_patch.report",),
    ("tvm_patch.cli", "tvm_patch.__main__"),
    ("benchmarks",),
)
"""From the lowest to the highest; a module belongs to the longest name that it begins with."""

BOARD_SIDE_KNOWS = (
    "microtvm_project",
    "tvm_patch.errors",
    "tvm_patch.artifact_metadata",
    "tvm_patch.artifact_files",
    "tvm_patch.targets",
)
"""The board side stands apart: it knows artifacts and cores and never the compiler, whatever the layer."""

KNOW_BOARDS = ("tvm_patch.tuning", "tvm_patch.driver", "tvm_patch.report", "tvm_patch.cli", "benchmarks")
"""Who builds and runs firmware."""


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports() -> dict[str, frozenset[str]]:
    """By module of ours, the modules of ours that it imports anywhere."""
    files = {module_name(f): f for package in PACKAGES for f in (ROOT / package).rglob("*.py")}
    found = {}
    for name, file in files.items():
        wanted = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} has a relative import"
                assert node.module is not None
                # `from package import name` is of the module where there is one of that name.
                wanted |= {
                    full if (full := f"{node.module}.{alias.name}") in files else node.module
                    for alias in node.names
                }
        found[name] = frozenset(wanted & files.keys() - {name})
    return found


def begins(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def layer(module: str) -> int:
    places = {name: i for i, names in enumerate(LAYERS) for name in names}
    return places[max((name for name in places if begins(module, name)), key=len)]


def test_every_package_has_its_own_place() -> None:
    """What is not in the list would stand with the public interface, near the top, and could import anything."""
    named = {name for names in LAYERS for name in names}
    public = {
        m
        for m in imports()
        if begins(m, "tvm_patch") and not any(begins(m, n) for n in named - {"tvm_patch"})
    }
    assert public == {"tvm_patch"}


def test_no_file_imports_from_a_layer_above() -> None:
    upwards = [
        f"{module} (layer {layer(module)}) imports {other} (layer {layer(other)})"
        for module, others in imports().items()
        for other in others
        if not begins(module, "microtvm_project")
        and not begins(other, "microtvm_project")
        and layer(other) > layer(module)
    ]
    assert upwards == []


def test_the_board_side_never_imports_the_compiler() -> None:
    strange = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if begins(module, "microtvm_project") and not any(begins(other, name) for name in BOARD_SIDE_KNOWS)
    ]
    assert strange == []


def test_only_the_upper_layers_know_boards() -> None:
    strange = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if begins(other, "microtvm_project")
        and not any(begins(module, name) for name in ("microtvm_project", *KNOW_BOARDS))
    ]
    assert strange == []


def circles(graph: dict[str, frozenset[str]]) -> list[list[str]]:
    """The groups of modules that reach each other (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in graph[module]:
            if other not in order:
                visit(other)
            if other in stack:
                low[module] = min(low[module], low[other])
        if low[module] == order[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in graph:
        if module not in order:
            visit(module)
    return found


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(imports()) == []


@pytest.mark.parametrize(
    ("graph", "groups"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}, [["a", "b", "c"]]),
    ],
)
def test_circles_are_found(graph, groups) -> None:
    assert circles(graph) == groups


def test_test_files_outside_packages_have_names_of_their_own() -> None:
    """Without ``__init__.py`` Python knows a file by its name alone, and pytest refuses the second of two."""
    names: dict[str, list[Path]] = {}
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        if not (path.parent / "__init__.py").exists():
            names.setdefault(path.name, []).append(path.relative_to(ROOT))
    assert {name: paths for name, paths in names.items() if len(paths) > 1} == {}
