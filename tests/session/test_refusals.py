"""What is refused: by the session before anything is sent, and by the firmware."""

from __future__ import annotations

import numpy as np
import pytest

from microtvm_project.artifact import load_artifact
from microtvm_project.protocol import Type
from microtvm_project.protocol.messages import numbers
from microtvm_project.session import Session
from tvm_patch.errors import BoardError, InputError, UserError


def test_inputs_of_the_wrong_shape_never_reach_the_board(make_small):
    small = make_small()
    (image,) = small.inputs[0]
    with small.session() as session:
        sent = session.link.statistics.sent
        for wrong in ([image[:, :8]], [image.astype(np.int16)], [], [image, image], {"no": image}):
            with pytest.raises(InputError):
                session.run(wrong)
        with pytest.raises(InputError, match="not fetched row by row"):
            session.run([lambda row: image[0, row]])
        assert session.link.statistics.sent == sent
        small.assert_right(session)


def test_rows_of_the_wrong_shape(make_small):
    small = make_small(mode="streamed")
    (image,) = small.inputs[0]
    with small.session() as session:
        with pytest.raises(BoardError, match=r"row 0 of 'image' is int8 \(6, 3\)"):
            session.run([lambda row: image[0, row, :6]])
        small.assert_right(session)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        (0x33, b"", "no such request"),
        (Type.BEGIN, b"", "body of the wrong length"),
        (Type.WRITE, numbers(0), "body of the wrong length"),
        (Type.WRITE, numbers(1, 0) + b"x", "no such input"),
        (Type.WRITE, numbers(0, 5) + b"x", "do not follow"),
        (Type.WRITE, numbers(0, 0) + bytes(190), "outside the input"),
        (Type.RUN, numbers(0), "not been written whole"),
        (Type.READ, numbers(0, 0, 1), "nothing has been run"),
        (Type.PROFILE, numbers(0, 1), "nothing has been run"),
    ],
)
def test_the_firmware_refuses(make_small, kind, body, message):
    small = make_small()
    with small.session() as session:
        session.link.request(Type.BEGIN, numbers(0))
        session.link.request(Type.WRITE, numbers(0, 0))
        with pytest.raises(BoardError, match=message):
            session.link.request(kind, body)
        small.assert_right(session)


def test_outputs_that_do_not_exist(make_small):
    small = make_small()
    with small.session() as session:
        small.assert_right(session)
        for body in (numbers(1, 0, 1), numbers(0, 0, 6), numbers(0, 6, 0), numbers(0, 2**32 - 1, 2)):
            with pytest.raises(BoardError, match="no such output"):
                session.link.request(Type.READ, body)
        for body in (numbers(0, 99), numbers(99, 1), numbers(2**32 - 1, 2)):
            with pytest.raises(BoardError, match="no such operators"):
                session.link.request(Type.PROFILE, body)
        # An input may lie where the output lay.
        session.link.request(Type.WRITE, numbers(0, 0) + b"x")
        with pytest.raises(BoardError, match="nothing has been run"):
            session.link.request(Type.READ, numbers(0, 0, 1))


def test_firmware_of_another_artifact_is_refused(make_small, tmp_path):
    small, other = make_small(), make_small(mode="streamed")
    artifact = load_artifact(other.firmware.artifact.path)
    with (
        pytest.raises(BoardError, match=r"of another artifact .*; build and flash it again"),
        Session(artifact, small.transport(), "host"),
    ):
        pass


def test_options_of_another_kind_of_board_are_refused(make_small):
    import tvm_patch

    folder = make_small().firmware.artifact.path
    with pytest.raises(UserError, match="host is not built with Zephyr and takes no options="):
        tvm_patch.Session("host", folder, options={"port": "x"})
    with pytest.raises(UserError, match="nucleo_f746zg is built with Zephyr"):
        tvm_patch.Session("nucleo_f746zg", folder, sanitize=True)
    with pytest.raises(UserError, match="there is no option 'prot'"):
        tvm_patch.Session("nucleo_f746zg", folder, options={"prot": "x"})
