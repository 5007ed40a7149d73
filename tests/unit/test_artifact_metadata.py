"""``metadata.json``: what the model and the document say of it, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.metadata import input_tensor, metadata, operator, segment, tensor
from tvm_patch.artifact_files import METADATA, read_metadata
from tvm_patch.artifact_metadata import (
    BorderEntry,
    FunctionMemories,
    FunctionMemory,
    InputEntry,
    MemoryEntry,
    Metadata,
    ModelInputEntry,
    OperatorEntry,
    SegmentEntry,
    TensorEntry,
)
from tvm_patch.errors import UserError

DOCUMENT = Path(__file__).parents[2] / "docs" / "artifact.md"
MODELS: tuple[type[BaseModel], ...] = (
    Metadata,
    BorderEntry,
    ModelInputEntry,
    TensorEntry,
    InputEntry,
    OperatorEntry,
    SegmentEntry,
    MemoryEntry,
    FunctionMemories,
    FunctionMemory,
)
MADE = metadata(
    "tiny", [input_tensor("x", (1, 4, 4, 1))], [tensor("y", (1, 2), 16)], [operator(0, "first", "conv2d")]
)
FILES = ("metadata.json", *MADE.sources, "codegen/host/include/tiny.h")


def _rows(heading: str) -> list[list[str]]:
    """The cells of a table of the document, without its heading."""
    lines = DOCUMENT.read_text().split(f"{heading}\n", 1)[1].splitlines()[1:]
    return [re.split(r" *\| *", line.strip("| "))[-3:] for line in lines[: lines.index("")]]


def test_the_document_lists_the_keys_of_the_file() -> None:
    listed = [key for row in _rows("| key | meaning |") for key in re.findall(r"`(\w+)`", row[0])]
    assert sorted(listed) == sorted(Metadata.model_fields)


def test_the_document_lists_the_keys_of_its_entries() -> None:
    found: dict[str, list[str]] = {}
    owners: list[str] = []
    for row in _rows("| key of | key | meaning |"):
        owners = re.findall(r"`(\w+)`", row[0]) if len(row) == 3 else owners
        for owner in owners:
            found.setdefault(owner, []).extend(re.findall(r"`(\w+)`", row[-2]))
    assert {owner: sorted(keys) for owner, keys in found.items()} == {
        owner: sorted(model.model_fields)
        for owner, model in (
            ("inputs", InputEntry),
            ("outputs", TensorEntry),
            ("model_inputs", ModelInputEntry),
            ("model_outputs", BorderEntry),
            ("operators", OperatorEntry),
            ("segments", SegmentEntry),
        )
    }
    (memory,) = (row for row in _rows("| key | meaning |") if row[0] == "`memory`")
    assert set(re.findall(r"`(\w+_bytes)`", memory[1])) == set(FunctionMemory.model_fields)


@pytest.mark.parametrize("model", MODELS)
def test_every_field_says_what_it_is(model: type[BaseModel]) -> None:
    assert [n for n, field in model.model_fields.items() if not field.description] == []


def test_what_is_written_is_read() -> None:
    assert read_metadata(Path("tiny"), MADE.to_json(), FILES) == MADE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(more=1), "'more' of it is unknown"),
        (lambda d: d["inputs"][0].update(more=1), "'more' of an entry of inputs is unknown"),
        (lambda d: d["inputs"][0].update(mode="slow"), "'mode' of an entry of inputs is 'slow'"),
        (lambda d: d["inputs"][0].update(mode="streamed"), "tensor 'x' is fetched, at arena_offset 0"),
        (lambda d: d["inputs"][0].update(shape=[1, "4"]), "an entry of shape is '4'"),
        (lambda d: d["inputs"][0].update(shape=[1, 0]), "tensor 'x' is int8 [1, 0]"),
        (lambda d: d["outputs"][0].update(bytes=3), "tensor 'y' has 3 bytes"),
        (lambda d: d["outputs"][0].update(arena_offset=17), "tensor 'y' lies outside the arena of 18 bytes"),
        (lambda d: d["outputs"][0].update(arena_offset=None), "tensor 'y' is not fetched, at arena_offset None"),
        (lambda d: d["outputs"][0].update(dtype="int5"), "'dtype' of an entry of outputs is 'int5'"),
        (lambda d: d.update(macs=True), "'macs' of it is True"),
        (lambda d: d.update(segments=[segment(7).model_dump()]), "a segment has an operator that there is not"),
        (lambda d: d.update(include_dirs=["/usr/include"]), "path '/usr/include' leaves the artifact"),
        (lambda d: d.update(include_dirs=["none"]), "lacks its folder of headers 'none'"),
        (lambda d: d.update(memory={"functions": {}}), "no 'main' in functions"),
        (lambda d: d.update(sources=[]), "there are no sources"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(change, words) -> None:
    document = json.loads(MADE.to_json())
    change(document)
    with pytest.raises(UserError) as caught:
        read_metadata(Path("tiny"), json.dumps(document).encode(), FILES)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"tiny/{METADATA} is damaged: ")
    assert str(caught.value).endswith("; compile the model again")


def test_a_fetched_input_has_rows() -> None:
    document = json.loads(MADE.to_json())
    document["inputs"][0].update(mode="streamed", arena_offset=None, shape=[16])
    with pytest.raises(UserError, match="has no rows to fetch"):
        read_metadata(Path("tiny"), json.dumps(document).encode(), FILES)
