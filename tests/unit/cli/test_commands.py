import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tvm_patch import __version__
from tvm_patch.cli.app import app
from tvm_patch.targets.pipeline import ERROR_PERCENT


def test_version_and_help(command):
    assert command("--version") == (0, f"tvm-patch {__version__}\n", "")
    code, out, _ = command()
    assert code == 0
    assert "inspect" in out
    for name in ("inspect", "compile", "run", "boards", "zoo"):
        code, out, _ = command(name, "--help")
        assert code == 0
        assert "tvm-patch" in out


def test_inspect_table_and_json(command, driver, model, tmp_path):
    code, out, err = command("inspect", model, "--json", tmp_path / "r.json")
    assert (code, err) == (0, "")
    assert "← peak" in out
    assert "[odd] name" in out
    assert "optimal (greedy_by_size)" in out
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["arena_bytes"] == 52
    assert report["peak_operator"] == 0
    assert [op["live_bytes"] for op in report["operators"]] == [50, 12]
    assert "DotConv2d" in out
    assert [op["kernel"] for op in report["operators"]] == ["DotConv2d", ""]


def test_inspect_plot(command, driver, model, tmp_path):
    pytest.importorskip("matplotlib")
    assert command("inspect", model, "-q", "--plot", tmp_path / "m.png") == (0, "", "")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")


def test_plot_without_matplotlib(command, driver, model, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    code, _, err = command("inspect", model, "--plot", tmp_path / "m.png")
    assert code == 2
    assert err == "error: --plot needs matplotlib; install it with: pip install 'tvm-patch[plot]'\n"


def test_compile(command, driver, model, tmp_path):
    code, out, _ = command(
        "compile", model, "-o", tmp_path / "a", "--board", "qemu_m7", "--as", "nucleo_f746zg", "--name", "net"
    )
    assert code == 0
    assert (tmp_path / "a/metadata.json").exists()
    assert driver.calls[0]["board"] == "qemu_m7"
    assert driver.calls[0]["name"] == "net"
    assert driver.calls[0]["io"] == "int8"
    assert "overhead 1.100" in out


def test_compile_refuses_what_cannot_fit(command, driver, model, tmp_path):
    driver.artifact.arena_bytes = 300 * 1024
    code, _, err = command("compile", model, "-o", tmp_path / "a", "--board", "nucleo_f746zg")
    assert code == 2
    assert "does not fit" in err
    assert not (tmp_path / "a").exists()


def test_json_on_stdout_is_all_of_it(command, driver, model):
    code, out, err = command(
        "run", model, "--board", "qemu_m7", "--as", "nucleo_f746zg", "--check", "--json", "-"
    )
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["model"] == "tiny.tflite"
    assert report["bit_exact"] is True
    assert report["max_abs_diff"] == 0
    assert report["sram_bytes"] == 100
    assert report["overhead"] == 1.1
    assert report["operators"][0] == {
        "index": 0, "name": "first", "kind": "conv2d", "macs": 100, "output_bytes": 2, "output_shape": [1, 2],
        "instructions": 1000, "cycles": 800,
    }  # fmt: skip
    assert report["cycles"] == 960
    assert report["cycles_error_percent"] == ERROR_PERCENT["cortex-m7"]
    assert report["cycles_parts"] == {
        "issue": 900, "result_stalls": 0, "unaligned": 0, "fetch": 0, "flash_data": 60, "ram_data": 0,
    }  # fmt: skip
    assert report["milliseconds"] == pytest.approx(1000 * 960 / 216e6)
    assert report["inputs"][0]["shape"] == [1, 4, 4, 3]


def test_run_table(command, driver, model):
    code, out, _ = command("run", model)
    assert code == 0
    assert "10.00" in out  # instructions per MAC of the convolution
    assert "0.1 KiB (100 B)" in out
    assert "bit-exact" not in out


def test_failed_check_exits_with_1(command, driver, model):
    driver.difference = 3
    code, out, _ = command("run", model, "--check")
    assert code == 1
    assert "NOT bit-exact" in out
    assert "largest difference 3" in out


def test_run_of_an_artifact(command, driver, model, tmp_path):
    command("compile", model, "-q", "-o", tmp_path / "a")
    assert command("run", tmp_path / "a", "-q") == (0, "", "")
    code, _, err = command("run", tmp_path / "a", "--check")
    assert code == 2
    assert "give it with --model" in err
    assert command("run", tmp_path / "a", "-q", "--check", "--model", model)[0] == 0


def test_seed(command, driver, model):
    assert command("run", model, "-q", "--seed", 7)[0] == 0
    assert np.all(driver.artifact.inputs[0][0] == 7)


def test_boards():
    runner = CliRunner()
    result = runner.invoke(app, ["boards", "--json", "-"])
    assert result.exit_code == 0
    names = [b["name"] for b in json.loads(result.stdout)["boards"]]
    assert {"host", "qemu_m7", "nucleo_f746zg"} <= set(names)
    assert "nucleo_f746zg" in runner.invoke(app, ["boards"]).stdout


def test_scale_that_looks_like_an_option(command, driver, model, tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (4, 4)).save(tmp_path / "p.png")
    assert command("run", model, "-q", "--input", tmp_path / "p.png", "--input-scale", "-11") == (0, "", "")
    # Black is -1, below what this input can hold.
    assert np.all(driver.artifact.inputs[0][0] == -128)


def test_zoo_alone_teaches(command):
    code, out, err = command("zoo")
    assert (code, err) == (0, "")
    assert "write" in out


def test_zoo_writes_what_the_library_builds(command, tmp_path):
    code, out, err = command("zoo", "list", "--json", "-")
    assert (code, err) == (0, "")
    assert "mlperf_ad" in [a["name"] for a in json.loads(out)["architectures"]]
    options = ("mlperf_ad", "--width", "0.1", "--resolution", "16", "--classes", "4", "--seed", "3")
    for name in ("a.tflite", "b.tflite"):
        assert command("zoo", "write", *options, "-q", "-o", tmp_path / name) == (0, "", "")
    assert (tmp_path / "a.tflite").read_bytes() == (tmp_path / "b.tflite").read_bytes()
    code, _, err = command("zoo", "write", "nope", "-o", tmp_path / "c.tflite")
    assert code == 2
    assert err.startswith("error: no architecture nope; there are mobilenet_v2")
