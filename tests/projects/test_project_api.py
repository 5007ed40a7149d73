"""The Project API servers, as separate processes that are spoken to in JSON-RPC 2.0."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from microtvm_project.project import HANDLERS, template_folder
from microtvm_project.project_api import ErrorCode

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(HANDLERS)


class Server:
    """A server that is spoken to in bytes."""

    def __init__(self, folder: Path) -> None:
        requests, self.to = os.pipe()
        self.source, replies = os.pipe()
        self.process = subprocess.Popen(
            [
                sys.executable,
                folder / "microtvm_api_server.py",
                f"--read-fd={requests}",
                f"--write-fd={replies}",
            ],
            pass_fds=(requests, replies),
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        os.close(requests)
        os.close(replies)
        self.lines = os.fdopen(self.source, "rb")

    def send(self, line: bytes) -> None:
        os.write(self.to, line + b"\n")

    def reply(self) -> dict:
        assert select.select([self.lines], [], [], 60)[0], "the server hangs"
        return json.loads(self.lines.readline())

    def ask(self, line: bytes) -> dict:
        self.send(line)
        return self.reply()

    def call(self, method: str, number: int | str | None = 1, **params) -> dict:
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        reply = self.ask(json.dumps(request).encode())
        assert reply["jsonrpc"] == "2.0"
        assert reply["id"] == number
        assert ("result" in reply) != ("error" in reply)
        return reply

    def result(self, method: str, **params):
        reply = self.call(method, **params)
        assert "result" in reply, reply
        return reply["result"]

    def error(self, method: str, **params) -> dict:
        error = self.call(method, **params)["error"]
        assert set(error) == {"code", "message", "data"}
        return error

    def close(self) -> int:
        os.close(self.to)
        self.lines.close()
        return self.process.wait(20)


@pytest.fixture
def serve():
    started: list[Server] = []

    def start(folder: Path) -> Server:
        started.append(Server(folder))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()


@pytest.mark.parametrize("template", TEMPLATES)
def test_server_info(serve, template):
    server = serve(template_folder(template))
    info = server.result("server_info_query", tvm_version="0.18.0")
    assert info["protocol_version"] == 1
    assert info["platform_name"] == template
    assert info["is_template"] is True
    assert info["model_library_format_path"] is None
    for option in info["project_options"]:
        assert set(option) == {"name", "type", "help", "choices", "default", "required", "optional"}
        assert option["type"] in ("str", "int", "bool")
        assert option["help"].endswith(".")
        assert option["required"] or option["optional"]
    assert server.close() == 0


def request(method: str, params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode()


PATHS = {"model_library_format_path": "/no", "standalone_crt_dir": "", "project_dir": "/no", "options": {}}

MALFORMED = [
    (b"", ErrorCode.PARSE_ERROR),
    (b"{", ErrorCode.PARSE_ERROR),
    (b"\xff\xfe", ErrorCode.PARSE_ERROR),
    (b"[" * 100_000, ErrorCode.PARSE_ERROR),
    (b"[]", ErrorCode.INVALID_REQUEST),
    (b"7", ErrorCode.INVALID_REQUEST),
    (b"null", ErrorCode.INVALID_REQUEST),
    (b"{}", ErrorCode.INVALID_REQUEST),
    (b'{"jsonrpc": "1.0", "method": "build", "params": {}}', ErrorCode.INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "method": 5}', ErrorCode.INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": {}, "method": "build"}', ErrorCode.INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "id": true, "method": "build"}', ErrorCode.INVALID_REQUEST),
    (b'{"jsonrpc": "2.0", "method": "__init__", "params": {}}', ErrorCode.METHOD_NOT_FOUND),
    (b'{"jsonrpc": "2.0", "method": "serve_forever", "params": {}}', ErrorCode.METHOD_NOT_FOUND),
    (request("build", []), ErrorCode.INVALID_PARAMS),
    (request("build", {}), ErrorCode.INVALID_PARAMS),
    (request("build", {"options": 3}), ErrorCode.INVALID_PARAMS),
    (request("build", {"options": {}, "x": 1}), ErrorCode.INVALID_PARAMS),
    (request("server_info_query", {"tvm_version": 1}), ErrorCode.INVALID_PARAMS),
    (request("read_transport", {"n": "1", "timeout_sec": 0}), ErrorCode.INVALID_PARAMS),
    (request("read_transport", {"n": True, "timeout_sec": 0}), ErrorCode.INVALID_PARAMS),
    (request("read_transport", {"n": 0, "timeout_sec": 0}), ErrorCode.INVALID_PARAMS),
    (request("write_transport", {"data": "\x01", "timeout_sec": 0}), ErrorCode.INVALID_PARAMS),
    (request("generate_project", {**PATHS, "project_dir": "a\0b"}), ErrorCode.INVALID_PARAMS),
    (request("generate_project", {**PATHS, "project_dir": "a\ud800b"}), ErrorCode.INVALID_PARAMS),
    (request("generate_project", {**PATHS, "options": {"port": "\0"}}), ErrorCode.INVALID_PARAMS),
    (request("generate_project", {**PATHS, "model_library_format_path": "a" * 5000}), ErrorCode.SERVER_ERROR),
    (request("generate_project", {**PATHS, "project_dir": "a" * 5000}), ErrorCode.SERVER_ERROR),
]


@pytest.mark.parametrize("template", TEMPLATES)
def test_malformed_requests_are_answered_and_the_server_goes_on(serve, template):
    server = serve(template_folder(template))
    for line, code in MALFORMED:
        reply = server.ask(line)
        assert reply["error"]["code"] == code, (line, reply)
        assert reply["id"] is None
        assert "\n" not in reply["error"]["message"]
    # A number that is one goes back with the error.
    assert server.ask(b'{"jsonrpc": "2.0", "id": "a", "method": "no", "params": {}}')["id"] == "a"
    assert server.result("server_info_query", tvm_version="")["is_template"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_no_project(serve, template):
    server = serve(template_folder(template))
    for method in ("build", "flash", "open_transport"):
        error = server.error(method, options={})
        assert error["code"] == ErrorCode.SERVER_ERROR
        assert "generate a project first" in error["message"]
    server.result("close_transport")
    assert server.error("read_transport", n=1, timeout_sec=0)["message"] == "TransportClosedError"
    assert server.error("write_transport", data="", timeout_sec=0)["message"] == "TransportClosedError"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option board is missing"),
        ({"board": "qemu_m9"}, "'qemu_m9' is none of qemu_m7, qemu_m4"),
        ({"board": 7}, "option board: want str, got 7"),
        ({"board": "qemu_m7", "profile": 1}, "option profile: want bool"),
        ({"board": "qemu_m7", "stack_bytes": True}, "option stack_bytes: want int"),
        ({"board": "qemu_m7", "stack_bytes": -8}, "option stack_bytes: -8 is not between 256 and 16777216"),
        ({"board": "qemu_m7", "stack_bytes": 2**70}, "is not between 256 and 16777216"),
        ({"board": "qemu_m7", "colour": "red"}, "there is no option 'colour'"),
        ({"board": "qemu_m7", "as_board": "nucleo_f412zg"}, "cannot stand for nucleo_f412zg"),
    ],
)
def test_options_are_checked(serve, small_artifact, tmp_path, options, message):
    server = serve(template_folder("qemu"))
    params = {"model_library_format_path": str(small_artifact), "standalone_crt_dir": ""}
    error = server.error("generate_project", project_dir=str(tmp_path / "p"), options=options, **params)
    assert message in error["message"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_artifact(serve, tmp_path):
    server = serve(template_folder("host"))
    (tmp_path / "file").write_text("no tar")
    (tmp_path / "empty").mkdir()
    for name, message in (
        ("file", "not an artifact"),
        ("empty", "not an artifact"),
        ("none", "does not exist"),
    ):
        error = server.error(
            "generate_project",
            model_library_format_path=str(tmp_path / name),
            standalone_crt_dir="",
            project_dir=str(tmp_path / "project"),
            options={},
        )
        assert message in error["message"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file"]


def test_an_archive_that_leads_out_of_its_folder(serve, tmp_path):
    import io
    import tarfile

    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        entry = tarfile.TarInfo("../outside")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    server = serve(template_folder("host"))
    error = server.error(
        "generate_project",
        model_library_format_path=str(tmp_path / "bad.tar"),
        standalone_crt_dir="",
        project_dir=str(tmp_path / "project"),
        options={},
    )
    assert "leaves the artifact" in error["message"]
    assert [p.name for p in tmp_path.iterdir()] == ["bad.tar"]


@pytest.mark.parametrize(
    ("template", "options"),
    [("host", {}), ("qemu", {"board": "qemu_m7"}), ("qemu", {"board": "qemu_m4", "transport": "tcp"})],
)
def test_from_template_to_answer(serve, small_artifact, tmp_path, template, options):
    """Everything over JSON-RPC, the firmware's own protocol included."""
    from microtvm_project.protocol import Decoder, Frame, Hello, Type, encode

    made = tmp_path / "made" / "project"
    server = serve(template_folder(template))
    server.result(
        "generate_project",
        model_library_format_path=f"{small_artifact}.tar",
        standalone_crt_dir="",
        project_dir=str(made),
        options=options,
    )
    assert [p.name for p in made.parent.iterdir()] == ["project"]
    server = serve(made)
    info = server.result("server_info_query", tvm_version="0.18.0")
    assert info["is_template"] is False
    assert Path(info["model_library_format_path"], "metadata.json").is_file()
    assert "not built yet" in server.error("open_transport", options={})["message"]
    server.result("build", options={})
    server.result("flash", options={})
    timeouts = server.result("open_transport", options={})["timeouts"]
    assert set(timeouts) == {
        "session_start_retry_timeout_sec",
        "session_start_timeout_sec",
        "session_established_timeout_sec",
    }
    decoder, found = Decoder(), []
    while not any(f.type == Type.READY for f in found):
        data = server.result("read_transport", n=64, timeout_sec=10)["data"]
        found += decoder.feed(base64.b85decode(data))
    hello = base64.b85encode(encode(Frame(Type.HELLO, 1, 99))).decode()
    server.result("write_transport", data=hello, timeout_sec=1.0)
    while found[-1].session != 99:
        data = server.result("read_transport", n=1, timeout_sec=10)["data"]
        assert len(base64.b85decode(data)) == 1
        found += decoder.feed(base64.b85decode(data))
    assert Hello.parse(found[-1].body).name == "small"
    assert server.error("read_transport", n=1, timeout_sec=0.05)["message"] == "IoTimeoutError"
    server.result("close_transport")
    assert server.error("read_transport", n=1, timeout_sec=0)["message"] == "TransportClosedError"
    # It ends with its client, and leaves nothing running.
    server.result("open_transport", options={})
    assert server.close() == 0


def test_a_killed_program_is_a_closed_transport(serve, small_artifact, tmp_path):
    server = serve(template_folder("host"))
    made = tmp_path / "project"
    server.result(
        "generate_project",
        model_library_format_path=str(small_artifact),
        standalone_crt_dir="",
        project_dir=str(made),
        options={},
    )
    server = serve(made)
    server.result("build", options={})
    server.result("open_transport", options={})
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), 9)
    error = {}
    while "message" not in error:
        reply = server.call("read_transport", n=100, timeout_sec=5)
        error = reply.get("error", {})
    assert error["message"] == "TransportClosedError"
    assert "killed by signal 9" in error["data"]["reason"]
    server.result("open_transport", options={})


def test_damaged_project_files(serve, small_artifact, tmp_path):
    server = serve(template_folder("host"))
    made = tmp_path / "project"
    params = {"model_library_format_path": str(small_artifact), "standalone_crt_dir": ""}
    server.result("generate_project", project_dir=str(made), options={}, **params)
    file = made / "project.json"
    good = json.loads(file.read_text())
    assert "exists; give another folder" in server.error(
        "generate_project", project_dir=str(made), options={}, **params
    )["message"]  # fmt: skip
    project = serve(made)
    for text, message in (
        ("{", "project.json"),
        (json.dumps({**good, "format_version": 2}), "format_version 2"),
        (json.dumps({**good, "extra": 1}), "extra"),
        (json.dumps({**good, "options": {"board": "qemu_m7"}}), "is none of host"),
    ):
        file.write_text(text)
        assert message in project.error("build", options={})["message"]
    file.write_text(json.dumps(good))
    project.result("build", options={})
    assert (
        "is a project" in project.error("generate_project", project_dir="x", options={}, **params)["message"]
    )
