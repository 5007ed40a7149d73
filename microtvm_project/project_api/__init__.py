"""microTVM's Project API: servers that generate, build, flash and talk to firmware projects, over JSON-RPC 2.0.

Methods, parameters and results are those of TVM up to 0.18 (``tvm.micro.project_api``), so that what spoke to its
servers speaks to ours.
"""

from microtvm_project.project_api.client import ProjectAPIClient
from microtvm_project.project_api.errors import (
    ErrorCode,
    IoTimeoutError,
    RpcError,
    ServerError,
    TransportClosedError,
)
from microtvm_project.project_api.handler import ProjectAPIHandler, ServerInfo, TransportTimeouts
from microtvm_project.project_api.options import OptionValue, ProjectOption, check_options, parse_option
from microtvm_project.project_api.server import ProjectAPIServer, main

__all__ = [
    "ErrorCode",
    "IoTimeoutError",
    "OptionValue",
    "ProjectAPIClient",
    "ProjectAPIHandler",
    "ProjectAPIServer",
    "ProjectOption",
    "RpcError",
    "ServerError",
    "ServerInfo",
    "TransportClosedError",
    "TransportTimeouts",
    "check_options",
    "main",
    "parse_option",
]
