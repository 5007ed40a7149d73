"""Firmware of a small network that the project builds itself, once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import tvm_patch
from microtvm_project import Firmware, build_firmware
from microtvm_project.runners import transport_to
from microtvm_project.session import Session, Timing
from microtvm_project.transports import ChildTransport
from tests.unit.codegen.networks import small_network
from tvm_patch import driver


@dataclass(frozen=True)
class Small:
    """A network's firmware, inputs and what the reference says of them."""

    firmware: Firmware
    inputs: list[list[np.ndarray]]
    expected: list[list[np.ndarray]]

    def transport(self) -> ChildTransport:
        return transport_to(self.firmware, self.firmware.elf)

    def session(self, transport=None, **timing) -> Session:
        return Session(
            self.firmware.artifact, transport or self.transport(), self.firmware.board.name, Timing(**timing)
        )

    def assert_right(self, session: Session, index: int = 0) -> None:
        result = session.run(self.inputs[index], salt=index)
        for ours, theirs in zip(result.outputs, self.expected[index], strict=True):
            np.testing.assert_array_equal(ours, theirs)


MakeSmall = Callable[..., Small]


@pytest.fixture(scope="session")
def make_small(tmp_path_factory) -> MakeSmall:
    made: dict[tuple, Small] = {}

    def make(board: str = "host", mode: str = "resident", body_bytes: int = 256) -> Small:
        key = (board, mode, body_bytes)
        if key not in made:
            folder = Path(tmp_path_factory.mktemp("small"))
            data = small_network()
            options = {} if mode == "resident" else {"input_mode": mode}
            artifact = tvm_patch.compile(data, board=board, **options)
            inputs = driver.random_inputs(artifact, 3, 0)
            expected = artifact.run(inputs, board=board).outputs
            assert driver.check(artifact, data, inputs, expected).bit_exact
            firmware = build_firmware(
                artifact.save(folder / "artifact"),
                board,
                folder / "out",
                hooks=True,
                body_bytes=body_bytes,
                sanitize=board == "host",
            )
            made[key] = Small(firmware, inputs, expected)
        return made[key]

    return make
