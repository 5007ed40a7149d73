"""Plan files that are damaged, of another network or another version: refused by the name of the field."""

from __future__ import annotations

import json

import pytest

from tests.unit.codegen.networks import small_network
from tvm_patch.driver.front import legalize
from tvm_patch.planner.choose import Request, choose_plan

VERBS = ["compile", "run", "inspect"]


@pytest.fixture(scope="module")
def document():
    """A sound plan of the small network, as parsed JSON."""
    network = legalize(small_network()).describe()[1]
    request = Request(input_mode="streamed", objective="memory")
    return json.loads(choose_plan(network, request).plan.model_dump_json())


@pytest.fixture
def refuse(refused, net, tmp_path):
    """Give a plan to a command that must refuse it; returns what is said of the file."""

    def run(verb, text):
        path = tmp_path / "p.json"
        path.write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
        line = refused(verb, net, *(["-o", tmp_path / "out"] if verb == "compile" else []), "--plan", path)
        assert line.startswith(f"error: {path}")
        return line.removeprefix(f"error: {path}").removeprefix(": ")

    return run


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "format: not a plan"),
        (b'{"format": "shopping list"}', "format: not a plan"),
        (b'{"format": "tvm-patch plan", "version": 2}', "version: 2 is not known"),
        (b'{"format": "tvm-patch plan"}', "version: None is not known"),
        (b'{"format": "tvm-patch plan", "version": 6}', "network: field required"),
    ],
)
def test_files_that_are_no_plans(refuse, verb, text, message):
    assert message in refuse(verb, text)


def first(segments, **changes):
    return [{**segments[0], **changes}, *segments[1:]]


EDITS = {
    "of another network": (lambda d: {"fingerprint": "0" * 32}, "fingerprint: the plan was made for another"),
    "fingerprint of a number": (lambda d: {"fingerprint": 3}, "fingerprint: "),
    "unknown key": (lambda d: {"colour": "red"}, "colour: extra inputs"),
    "unknown mode": (lambda d: {"input_mode": "telepathy"}, "input_mode: "),
    "unknown scheme": (lambda d: {"scheme": "magic"}, "scheme: "),
    "no segments": (lambda d: {"segments": []}, "segments: "),
    "lost segment": (lambda d: {"segments": d["segments"][1:]}, "segments: operator 0"),
    "segments of text": (lambda d: {"segments": "all"}, "segments: "),
    "empty segment": (lambda d: {"segments": first(d["segments"], operators=[])}, "segments[0].operators"),
    "operator that is not there": (
        lambda d: {"segments": first(d["segments"], operators=[0, 99])},
        "segments[0].operators: 99 does not exist; the network has 7 operators",
    ),
    "operator twice": (lambda d: {"segments": first(d["segments"], operators=[0, 0])}, "segments[0].operators"),
    "operators backwards": (
        lambda d: {"segments": [d["segments"][0], *first(d["segments"][1:], operators=[4, 3, 2, 1])]},
        "segments[1].operators: 4 reads what 3 makes after it",
    ),
    "segments backwards": (lambda d: {"segments": d["segments"][::-1]}, "segments"),
    "no bands": (lambda d: {"segments": first(d["segments"], bands=0)}, "segments[0].bands"),
    "half a band": (lambda d: {"segments": first(d["segments"], bands=1.5)}, "segments[0].bands"),
    "true bands": (lambda d: {"segments": first(d["segments"], bands=True)}, "segments[0].bands"),
    "bands that do not fit": (lambda d: {"segments": first(d["segments"], bands=4000)}, "segments[0].bands"),
    "bands of a stream": (lambda d: {"segments": first(d["segments"], bands=2)}, "segments[0].bands"),
    "patches that do not fit": (
        lambda d: {"segments": first(d["segments"], patch_rows=4000, bands=2)},
        "segments[0].",
    ),
    "negative patches": (lambda d: {"segments": first(d["segments"], patch_rows=-1)}, "segments[0].patch_rows"),
    "negative channels": (lambda d: {"segments": first(d["segments"], channels=-1)}, "segments[0].channels"),
    "channels of a long segment": (
        lambda d: {"segments": first(d["segments"], channels=4)},
        "segments[0].channels: ",
    ),
    "composite of one": (
        lambda d: {"segments": first(d["segments"], composites=[{"operators": [0], "rows": 1, "keeps": False}])},
        "segments[0].composites[0].operators",
    ),
    "composite of strangers": (
        lambda d: {"segments": first(d["segments"], composites=[{"operators": [0, 99], "rows": 1, "keeps": False}])},
        "segments[0]: composites[0]: its operators are not neighbours",
    ),
    "composite of no rows": (
        lambda d: {"segments": first(d["segments"], composites=[{"operators": [0, 1], "rows": 0, "keeps": False}])},
        "segments[0].composites[0].rows",
    ),
    "composite of negative columns": (
        lambda d: {
            "segments": first(
                d["segments"], composites=[{"operators": [0, 1], "rows": 1, "keeps": False, "columns": -1}]
            )
        },
        "segments[0].composites[0].columns",
    ),
    "composites in blocks": (
        lambda d: {
            "segments": first(d["segments"], channels=4, composites=[{"operators": [0, 1], "rows": 1, "keeps": False}])
        },
        "segments[0].patch_rows, channels and composites",
    ),
    "arena": (lambda d: {"arena_bytes": d["arena_bytes"] - 4}, "arena_bytes: the plan says"),
    "negative arena": (lambda d: {"arena_bytes": -4}, "arena_bytes: "),
    "macs": (lambda d: {"macs": 1}, "macs: the plan says 1"),
    "macs_executed": (lambda d: {"macs_executed": 1}, "macs_executed: the plan says 1"),
    "overhead": (lambda d: {"overhead": 0.5}, "overhead: the plan says 0.5"),
    "infinite overhead": (lambda d: {"overhead": float("inf")}, "overhead: "),
    "front": (lambda d: {"front": [{"arena_bytes": 3}]}, "front[0]"),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_edited_plans(refuse, document, name):
    edit, message = EDITS[name]
    changed = {**document, **edit(document)}
    # The three commands share the code that refuses; each has its turn.
    verb = VERBS[list(EDITS).index(name) % 3]
    said = refuse(verb, changed)
    assert said.startswith(message), said


def test_the_sound_plan_is_taken(command, net, document, tmp_path):
    """The tests above refuse because of what they change, not because of something else."""
    (tmp_path / "p.json").write_text(json.dumps(document))
    assert command("inspect", net, "-q", "--plan", tmp_path / "p.json") == (0, "", "")


def test_failed_compile_leaves_the_old_artifact(refused, net, artifact, document, tmp_path):
    (tmp_path / "p.json").write_text(json.dumps({**document, "arena_bytes": 4}))
    refused("compile", net, "-o", artifact, "--plan", tmp_path / "p.json")
    assert (artifact / "metadata.json").is_file()
