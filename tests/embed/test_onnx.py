"""Onnx runs a network from a file, and says what is wrong with the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tilth.embed.onnx import Onnx
from tilth.errors import StepError
from tilth.run.plugins import step_key
from tilth.testing import worlds
from tilth.testing.contract import check_step


def network(where: Path, *, batch: int | str = "b", side: int | str = "s", pool: bool = True) -> Path:
    """A file that gives the mean of each channel, or the channels as they are."""
    onnx = pytest.importorskip("onnx")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    entry = helper.make_tensor_value_info("pixels", kind, [batch, 3, side, side])
    nodes = [helper.make_node("GlobalAveragePool", ["pixels"], ["maps"])]
    if pool:
        nodes.append(helper.make_node("Flatten", ["maps"], ["means"]))
    nodes.append(helper.make_node("Neg", ["pixels"], ["dark"]))
    out = [helper.make_tensor_value_info("means" if pool else "maps", kind, None)]
    out.append(helper.make_tensor_value_info("dark", kind, None))
    graph = helper.make_graph(nodes, "means", [entry], out)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(where / "means.onnx"))
    return where / "means.onnx"


def plain(path: Path, **settings) -> Onnx:
    return Onnx(str(path), side_px=8, mean=(0, 0, 0), std=(1, 1, 1), **settings)


@pytest.mark.parametrize("shape", [{}, {"batch": 4}, {"side": 8}, {"pool": False}])
def test_the_means_of_the_channels_come_out(tmp_path, shape):
    pytest.importorskip("onnxruntime")
    world = worlds.photos(10, channels=3)
    images = list(world.run().images(world.data))
    values = plain(network(tmp_path, **shape), batch=3).describe(images, world.run())
    expected = np.array([image.mean(axis=(0, 1)) / 255 for image in images])
    np.testing.assert_allclose(values, expected, atol=0.01)


def test_keeps_the_contract(tmp_path):
    pytest.importorskip("onnxruntime")
    check_step(plain(network(tmp_path)), world=worlds.photos(12, classes=2))


def test_another_output_may_be_named(tmp_path):
    pytest.importorskip("onnxruntime")
    world = worlds.photos(4, channels=3)
    images = list(world.run().images(world.data))
    assert (plain(network(tmp_path), output="dark").describe(images, world.run()) < 0).all()
    with pytest.raises(StepError, match="refused"):
        plain(network(tmp_path), output="none").describe(images, world.run())


def test_other_weights_are_another_identity(tmp_path):
    one = Onnx(str(network(tmp_path))).weights
    assert one == Onnx(str(network(tmp_path))).weights != Onnx(str(network(tmp_path, pool=False))).weights


def test_the_same_network_in_another_place_is_the_same_step(tmp_path):
    file = network(tmp_path)
    (tmp_path / "there").mkdir()
    moved = tmp_path / "there" / "same.onnx"
    moved.write_bytes(Path(file).read_bytes())
    assert step_key("embed.onnx", Onnx(str(file))) == step_key("embed.onnx", Onnx(str(moved)))


def test_what_is_wrong_with_the_file_is_said(tmp_path):
    pytest.importorskip("onnxruntime")
    world = worlds.photos(4)
    images = list(world.run().images(world.data))
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    for path, said in (
        ("", "needs the file"),
        (tmp_path / "gone.onnx", "no file"),
        (tmp_path / "bad.onnx", "not an ONNX"),
    ):
        with pytest.raises(StepError, match=said):
            Onnx(str(path)).describe(images, world.run())
