"""The job that firmware reads and the answer that it writes; the other end is ``common/session.c``."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

JOB_MAGIC = b"TVMPJOB1"
ANSWER_MAGIC = b"TVMPRES1"


class AnswerError(ValueError):
    """The answer is cut off, corrupt, or says that the firmware failed."""


@dataclass
class Answer:
    """What firmware reported.

    Attributes
    ----------
    arena_bytes, num_operators : int
        As the model itself says.
    outputs : list of bytes
        Per set, the outputs one after the other.
    instructions : list of int
        Per set; empty without a counter.
    operator_instructions : list of list of int
        Per set, per operator; empty without profile hooks.
    rows_read : list of int
        Per set, rows that were fetched; empty when all inputs are in the arena.
    stack_bytes : int or None
        High-water mark of the model's stack, where measured.
    """

    arena_bytes: int = 0
    num_operators: int = 0
    outputs: list[bytes] = field(default_factory=list)
    instructions: list[int] = field(default_factory=list)
    operator_instructions: list[list[int]] = field(default_factory=list)
    rows_read: list[int] = field(default_factory=list)
    stack_bytes: int | None = None


def encode_job(sets: Sequence[bytes], set_bytes: int) -> bytes:
    """Lay out a job from sets of ``set_bytes`` bytes each."""
    return JOB_MAGIC + struct.pack("<II", len(sets), set_bytes) + b"".join(sets)


def decode_answer(data: bytes) -> Answer:
    """Read an answer.

    Raises
    ------
    AnswerError
        It is not complete, its checksum is wrong, or it holds a FAIL record.
    """
    if data[: len(ANSWER_MAGIC)] != ANSWER_MAGIC:
        raise AnswerError("no answer" if not data else "the answer does not start with its magic")
    answer = Answer()
    at = len(ANSWER_MAGIC)
    while True:
        if at + 8 > len(data):
            raise AnswerError(f"the answer is cut off after {len(data)} bytes")
        tag, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        payload = data[at + 8 : at + 8 + length]
        if len(payload) != length:
            raise AnswerError(f"the answer is cut off after {len(data)} bytes")
        if tag == b"END ":
            if length != 4 or struct.unpack("<I", payload)[0] != zlib.adler32(data[:at]):
                raise AnswerError("the answer's checksum is wrong")
            return answer
        if tag == b"FAIL" and length >= 4:
            code = struct.unpack_from("<i", payload)[0]
            text = payload[4:].decode("ascii", "replace")
            raise AnswerError(f"{text} ({code})" if code else text)
        try:
            _record(answer, tag, payload)
        except struct.error:
            raise AnswerError(f"a {tag!r} record of {length} bytes") from None
        at += 8 + length


def _record(answer: Answer, tag: bytes, payload: bytes) -> None:
    if tag == b"MODL":
        answer.arena_bytes, answer.num_operators = struct.unpack("<II", payload)
    elif tag == b"OUTP":
        answer.outputs.append(payload)
    elif tag == b"COUN":
        answer.instructions.append(struct.unpack("<Q", payload)[0])
    elif tag == b"OPER":
        answer.operator_instructions.append(list(struct.unpack(f"<{len(payload) // 8}Q", payload)))
    elif tag == b"ROWS":
        answer.rows_read.append(struct.unpack("<I", payload)[0])
    elif tag == b"STAK":
        answer.stack_bytes = struct.unpack("<I", payload)[0]
    else:
        raise AnswerError(f"an unknown record {tag!r}")
