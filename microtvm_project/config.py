"""``firmware_config.h``: what the firmware's code must know of the artifact that it is built with."""

from __future__ import annotations

from pathlib import Path

from microtvm_project.artifact import CompiledModel, fingerprint

_TEXT = """\
/* What the firmware must know of the model it is built with; written by tvm-patch. */
#ifndef FIRMWARE_CONFIG_H
#define FIRMWARE_CONFIG_H

#define TVM_PATCH_MODEL {symbol}
#define FIRMWARE_ARENA_BYTES {arena_bytes}u
#define FIRMWARE_ARENA_ALIGN {arena_align}u
#define FIRMWARE_ARTIFACT 0x{mark:08x}u /* which artifact this is, for the host */
#define SERVICE_BODY_BYTES {body_bytes} /* the longest body of a message; memory for two of them */
#define SERVICE_INPUTS {inputs}u
#define PROFILE_OPERATORS {operators}u /* 0 without profile hooks */
#define ROWS_SOURCES {fetched}u /* inputs that are fetched row by row */
#define ROWS_STREAMED {streamed}u /* bit i: source i gives each row once */

#endif
"""


def config_text(artifact: CompiledModel, profile: bool, body_bytes: int) -> str:
    """Return the header's text.

    Parameters
    ----------
    artifact : CompiledModel
        What the firmware is made for.
    profile : bool
        Whether the model is compiled with profile hooks.
    body_bytes : int
        Most bytes of a message.
    """
    return _TEXT.format(
        symbol=artifact.symbol,
        mark=fingerprint(artifact),
        arena_bytes=artifact.metadata.arena_bytes,
        arena_align=max(8, artifact.metadata.arena_align),
        body_bytes=body_bytes,
        inputs=len(artifact.metadata.inputs),
        operators=len(artifact.operators) if profile else 0,
        fetched=len(artifact.fetched),
        streamed=sum(1 << i for i, t in enumerate(artifact.fetched) if t.mode == "streamed"),
    )


def write_config(folder: Path, artifact: CompiledModel, profile: bool, body_bytes: int) -> None:
    """Write the header into a folder; see :func:`config_text`."""
    text = config_text(artifact, profile, body_bytes)
    (folder / "firmware_config.h").write_text(text, encoding="utf-8")
