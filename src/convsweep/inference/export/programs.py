"""Export as torch.export program and as ONNX, with metadata of inputs and classes."""

import importlib.util
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.export import Dim, ExportedProgram

from convsweep.errors import MissingExtraError, UserError
from convsweep.inference.inference_model import Deployed

if TYPE_CHECKING:
    from convsweep.training.trained import Trained

INPUT = "x"
# Key of the metadata in an ONNX file; in a .pt2 file with the ending .json.
METADATA = "convsweep"

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Program:
    """An exported network, read back from its file.

    Args:
        name: `torch.export` or `onnxruntime`.
        file: path of the program.
        run: maps a batch to outputs.
    """

    name: str
    file: Path
    run: Run


def check_extra() -> None:
    """Raise MissingExtraError unless the packages for ONNX are installed."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "export", "exporting to ONNX")


def description(trained: "Trained", output: str) -> dict[str, Any]:
    """Return the metadata of an exported network in plain types."""
    info = trained.info
    shape = ", ".join(["batch", *map(str, info.in_shape)])
    reading = {
        key: trained.data[key]
        for key in ("image_size", "resize", "white", "channels")
        if key in trained.data
    }
    return {
        "task": info.task,
        "class_names": list(info.class_names),
        "input": (
            f"{INPUT}: float32 ({shape}) in the units of the training data (images: 0 to 255);"
            " normalisation is inside"
        ),
        "output": (
            f"{output}: float32 (batch,"
            f" {info.num_classes}{', *' * (trained.is_dense * len(info.spatial_shape))})"
        ),
        "in_shape": list(info.in_shape),
        "reading": reading,
    }


def trace(deployed: Deployed, in_shape: tuple[int, ...]) -> ExportedProgram:
    """Return the network as a graph for any batch size.

    Raises:
        UserError: the network cannot be traced.
    """
    example = torch.zeros(2, *in_shape, device=next(deployed.parameters()).device)
    try:
        with torch.no_grad():
            return torch.export.export(
                deployed, (example,), dynamic_shapes={INPUT: {0: Dim("batch")}}
            )
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"the network cannot be exported: {reason}; its forward must not depend on values of"
            " its input"
        ) from error


def write_torch(program: ExportedProgram, about: dict[str, Any], path: Path) -> Program:
    """Write a .pt2 file and return the program loaded from it."""
    torch.export.save(program, path, extra_files={f"{METADATA}.json": json.dumps(about)})
    module = torch.export.load(path).module()

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            answer: Tensor = module(torch.from_numpy(x))
        return answer.numpy()

    return Program("torch.export", path, run)


def write_onnx(program: ExportedProgram, about: dict[str, Any], output: str, path: Path) -> Program:
    """Write an .onnx file and return it loaded by onnxruntime, with torch's number of threads."""
    import onnxruntime

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    onnx = torch.onnx.export(
        program, dynamo=True, input_names=[INPUT], output_names=[output], verbose=False
    )
    assert onnx is not None
    onnx.model.metadata_props[METADATA] = json.dumps(about)
    onnx.save(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return Program("onnxruntime", path, lambda x: np.asarray(session.run([output], {INPUT: x})[0]))
