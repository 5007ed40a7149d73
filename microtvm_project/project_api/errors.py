"""Errors as JSON-RPC carries them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from tvm_patch.errors import BoardError


class ErrorCode(IntEnum):
    """JSON-RPC 2.0, section 5.1, and the one code that servers may choose."""

    SERVER_ERROR = -32000
    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603


class RpcError(BoardError):
    """A request failed.

    Parameters
    ----------
    code : int
        See :class:`ErrorCode`.
    message : str
        One line; for errors that programs tell apart the class's name, as microTVM has it.
    data : object, optional
        Anything that JSON can hold.
    """

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def to_json(self) -> dict[str, Any]:
        """Return the ``error`` member of a reply."""
        return {"code": int(self.code), "message": self.message, "data": self.data}

    @staticmethod
    def from_json(error: Any) -> RpcError:
        """Return the error that a reply holds."""
        if not isinstance(error, dict) or not isinstance(error.get("code"), int):
            return RpcError(ErrorCode.INTERNAL_ERROR, f"a malformed error: {error!r}")
        message, data = str(error.get("message")), error.get("data")
        if error["code"] == ErrorCode.SERVER_ERROR:
            for kind in (TransportClosedError, IoTimeoutError):
                if kind.__name__ == message:
                    return kind(data)
            return ServerError(message, data)
        return RpcError(error["code"], message, data)


class ServerError(RpcError):
    """A valid request could not be carried out."""

    def __init__(self, message: str, data: Any = None) -> None:
        super().__init__(ErrorCode.SERVER_ERROR, message, data)


class TransportClosedError(ServerError):
    """The transport is not open, or cannot be used any more."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(type(self).__name__, data)

    def __str__(self) -> str:
        reason = self.data.get("reason") if isinstance(self.data, dict) else None
        return str(reason or self.message)


class IoTimeoutError(ServerError):
    """Nothing could be read, or not everything written, within the time."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(type(self).__name__, data)
