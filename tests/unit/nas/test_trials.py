"""Jobs done here and by Ray's workers: the results are the same, also where a worker is lost."""

from functools import partial

import pytest

from tests.unit.nas.squares import squares
from tvm_patch.errors import ToolMissingError, UserError
from tvm_patch.nas.trials import OnRay, workers


def test_here():
    with workers(partial(squares, 1, None)) as some:
        assert list(some.map(range(5))) == [1, 2, 5, 10, 17]
        assert list(some.map([])) == []


@pytest.mark.slow
def test_ray_gives_the_same_and_replaces_a_worker_that_is_lost(tmp_path):
    pytest.importorskip("ray", reason="needs the extra [cluster]: pip install 'tvm-patch[cluster]'")
    lost = tmp_path / "lost"
    lost.touch()
    with workers(partial(squares, 1, lost), 2, "local") as some:
        assert list(some.map(range(6))) == [1, 2, 5, 10, 17, 26]
        assert not lost.exists()
        assert list(some.map([7])) == [50]


def test_no_cluster_at_the_address():
    pytest.importorskip("ray", reason="needs the extra [cluster]: pip install 'tvm-patch[cluster]'")
    with (
        pytest.raises(UserError, match="no Ray cluster at auto"),
        workers(partial(squares, 1, None), 2, "auto"),
    ):
        pass


def test_without_ray(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolMissingError, match=r"pip install 'tvm-patch\[cluster\]'"):
        OnRay(partial(squares, 1, None), 2, "local")
