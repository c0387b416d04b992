"""Networks that ONNX Runtime computes: the same answers in less time on a CPU.

A network that only answers is rewritten as an ONNX graph in memory when it is loaded.
No file is kept. That takes milliseconds, needs no package beside the runtime, and the
bundle stays the one source of the weights; torch's own exporter takes seconds.
"""

from __future__ import annotations

import logging
import operator
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from coin_core.errors import WeightsMismatchError
from coin_core.model_store.bundle import load_weights, read_tensors

logger = logging.getLogger(__name__)

onnxruntime.disable_telemetry_events()  # which its builds for Windows have

_tracing = threading.Lock()  # one network at a time

_OPSET = 18
_IR_VERSION = 9
_FLOAT = 1  # TensorProto.DataType


def compiled(module: nn.Module, *examples: Tensor) -> nn.Module:
    """Return a module that computes the same, on a CPU in less time.

    It cannot be trained, and later changes of the weights do not reach it.

    Args:
        module: In evaluation mode.
        examples: Inputs like those to come. The number of rows is free, and so are
            height and width where no layer of the module depends on them.

    Returns:
        The module itself if its weights are not on a CPU or are no numbers, or if it
        has a layer that is not known here.
    """
    if any(
        weight.device.type != "cpu" or not bool(weight.isfinite().all())
        for weight in module.parameters()
    ):
        return module
    try:
        return Graph(module, *examples)
    except TypeError as error:
        logger.info("torch computes this network itself: %s", error)
        return module


class Graph(nn.Module):
    """A network in ONNX Runtime."""

    def __init__(self, module: nn.Module, *examples: Tensor) -> None:
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        # Waiting threads sleep: others have work for the processor. Nor is the memory
        # of the largest batch kept for the next one.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            to_onnx(module, *examples), options, providers=["CPUExecutionProvider"]
        )
        # It keeps the model, and so the weights twice, in case it is to load it again.
        self._session._model_bytes = None
        self._inputs = [one.name for one in self._session.get_inputs()]
        self.eval()

    def train(self, mode: bool = True) -> Graph:
        """Stay in evaluation mode.

        Raises:
            TypeError: It is to be trained.
        """
        if mode:
            raise TypeError("a network in ONNX Runtime cannot be trained")
        super().train(mode)
        return self

    def forward(self, *inputs: Tensor) -> Any:
        """Return what the network returns."""
        feeds = {
            name: np.ascontiguousarray(one.numpy())
            for name, one in zip(self._inputs, inputs, strict=True)
        }
        outputs = [torch.from_numpy(one) for one in self._session.run(None, feeds)]
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


def to_onnx(module: nn.Module, *examples: Tensor) -> bytes:
    """Return a network in evaluation mode as the bytes of an ONNX model.

    Raises:
        TypeError: It has a layer that is not known here.
    """
    with _tracing:
        traced = fx.GraphModule(module, _Tracer().trace(module))
    writer = _Writer(traced)
    with torch.inference_mode():
        writer.run(*examples)
    return writer.model()


class _Tracer(fx.Tracer):
    """Traces a network while other threads use theirs.

    Tracing replaces the call of every module of the process for its time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Note a call of the traced network, and let those of others through."""
        if threading.get_ident() != self._thread:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(
        self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]
    ) -> Any:
        """Note the use of a parameter of the traced network alone."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


class _Writer(fx.Interpreter):
    """Computes a network once, and writes down each step as ONNX."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self._parts: list[bytes] = []  # of the GraphProto
        self._inputs: dict[str, int] = {}  # how many axes each has
        self._outputs: list[str] = []

    def model(self) -> bytes:
        """Return the ModelProto."""
        infos = [
            *(_field(11, _value_info(*one)) for one in self._inputs.items()),
            *(_field(12, _value_info(name)) for name in self._outputs),
        ]
        graph = b"".join([_field(2, "graph"), *self._parts, *infos])
        opset = _field(1, "") + _field(2, _OPSET)
        return _field(1, _IR_VERSION) + _field(8, opset) + _field(7, graph)

    def run_node(self, node: fx.Node) -> Any:
        """Compute a step and write it."""
        value = super().run_node(node)
        if node.op == "placeholder":
            self._inputs[node.name] = value.ndim
        elif node.op == "output":
            results: Any = node.args[0]
            single = isinstance(results, fx.Node)
            self._outputs = [one.name for one in ([results] if single else results)]
        elif node.op == "call_module":
            layer = self.module.get_submodule(str(node.target))
            self._write_layer(node, layer, value)
        elif isinstance(value, Tensor):
            self._write_call(node, value)
        return value

    def _write_layer(self, node: fx.Node, layer: nn.Module, value: Tensor) -> None:
        at = str(node.target)
        if isinstance(layer, nn.Conv2d):
            if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
                raise TypeError(f"{at}: a convolution with this padding is not known")
            self._add(
                "Conv",
                node,
                self._weights(at, layer.weight, layer.bias),
                kernel_shape=layer.kernel_size,
                strides=layer.stride,
                pads=layer.padding * 2,
                dilations=layer.dilation,
                group=layer.groups,
            )
        elif isinstance(layer, nn.BatchNorm2d):
            names = self._weights(
                at, layer.weight, layer.bias, layer.running_mean, layer.running_var
            )
            self._add("BatchNormalization", node, names, epsilon=float(layer.eps))
        elif isinstance(layer, nn.Linear):
            self._add(
                "Gemm", node, self._weights(at, layer.weight, layer.bias), transB=1
            )
        elif isinstance(layer, nn.MaxPool2d):
            kernel, stride, padding = map(
                _pair, (layer.kernel_size, layer.stride, layer.padding)
            )
            if layer.ceil_mode or _pair(layer.dilation) != (1, 1):
                raise TypeError(f"{at}: this pooling is not known")
            self._add(
                "MaxPool", node, kernel_shape=kernel, strides=stride, pads=padding * 2
            )
        elif isinstance(layer, nn.AdaptiveMaxPool2d):
            sides = self._windows(node, value)
            self._add("MaxPool", node, kernel_shape=sides, strides=sides)
        elif isinstance(layer, nn.Upsample):
            self._resize(node, value, str(layer.mode))
        elif isinstance(layer, nn.ReLU):
            self._add("Relu", node)
        elif isinstance(layer, nn.ReLU6):
            limits = [self._constant(node, np.array(x, np.float32)) for x in (0, 6)]
            self._add("Clip", node, limits)
        elif isinstance(layer, nn.ZeroPad2d):
            left, right, top, bottom = layer.padding
            edges = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
            self._add("Pad", node, [self._constant(node, edges)], mode="constant")
        elif isinstance(layer, nn.Flatten):
            self._add("Flatten", node, axis=int(layer.start_dim))
        elif isinstance(layer, nn.Dropout | nn.Dropout2d | nn.Identity):
            self._add("Identity", node)
        else:
            raise TypeError(f"{at}: {type(layer).__name__} is not known here")

    def _write_call(self, node: fx.Node, value: Tensor) -> None:
        target, (first, *others) = node.target, node.args
        if target is functional.interpolate:
            if node.kwargs.get("align_corners"):
                raise TypeError(f"{node}: aligned corners are not known here")
            self._resize(node, value, str(node.kwargs["mode"]))
        elif target in (operator.add, torch.add):
            self._add("Add", node)
        elif target is torch.cat:
            axis = node.kwargs.get("dim", *others or [0])
            self._add("Concat", node, inputs=_names(first), axis=axis)
        elif target in ("mean", "amax"):
            kind = "ReduceMean" if target == "mean" else "ReduceMax"
            axes = self._constant(node, np.asarray(others[0], np.int64))
            self._add(kind, node, inputs=[*_names(first), axes], keepdims=0)
        elif target == "softmax":
            self._add("Softmax", node, inputs=_names(first), axis=others[0])
        elif target is operator.getitem and isinstance(self._value(first), Tensor):
            self._slice(node, others[0])
        else:
            raise TypeError(f"{node}: {target} is not known here")

    def _value(self, argument: Any) -> Any:
        return self.env.get(argument)

    def _slice(self, node: fx.Node, key: Any) -> None:
        keys = key if isinstance(key, tuple) else (key,)
        ranges = [(axis, one) for axis, one in enumerate(keys) if one != slice(None)]
        if any(
            not isinstance(one, slice) or one.step not in (None, 1) for _, one in ranges
        ):
            raise TypeError(f"{node}: this selection is not known here")
        starts = [one.start or 0 for _, one in ranges]
        ends = [2**31 - 1 if one.stop is None else one.stop for _, one in ranges]
        axes = [axis for axis, _ in ranges]
        limits = [
            self._constant(node, np.array(one, np.int64))
            for one in (starts, ends, axes)
        ]
        self._add("Slice", node, inputs=[*_names(node.args[0]), *limits])

    def _resize(self, node: fx.Node, value: Tensor, mode: str) -> None:
        modes = {"nearest": "nearest", "bilinear": "linear"}
        if mode not in modes:
            raise TypeError(f"{node}: the resizing {mode!r} is not known here")
        before = self._value(node.args[0]).shape
        scales = np.array(
            [1, 1, *(a / b for a, b in zip(value.shape[2:], before[2:], strict=True))]
        )
        self._add(
            "Resize",
            node,
            inputs=[
                *_names(node.args[0]),
                "",
                self._constant(node, scales.astype("f4")),
            ],
            mode=modes[mode],
            coordinate_transformation_mode=(
                "asymmetric" if mode == "nearest" else "half_pixel"
            ),
            nearest_mode="floor",
        )

    def _windows(self, node: fx.Node, value: Tensor) -> tuple[int, ...]:
        before = self._value(node.args[0]).shape
        sides = list(zip(before[2:], value.shape[2:], strict=True))
        if any(wide % narrow for wide, narrow in sides):
            raise TypeError(f"{node}: windows of different sizes are not known here")
        return tuple(wide // narrow for wide, narrow in sides)

    def _weights(self, at: str, *weights: Tensor | None) -> list[str]:
        names = []
        for number, weight in enumerate(weights):
            if weight is not None:
                names.append(f"{at}.{number}")
                array = weight.detach().float().contiguous().numpy()
                self._parts.append(_field(5, _tensor(names[-1], array)))
        return names

    def _constant(self, node: fx.Node, array: np.ndarray) -> str:
        name = f"{node.name}.{len(self._parts)}"
        self._parts.append(_field(5, _tensor(name, array)))
        return name

    def _add(
        self,
        kind: str,
        node: fx.Node,
        more: Iterable[str] = (),
        *,
        inputs: Iterable[str] | None = None,
        **attributes: Any,
    ) -> None:
        if inputs is None:
            inputs = _names(node.args)
        parts = [_field(1, name) for name in (*inputs, *more)]
        parts += [_field(2, node.name), _field(4, kind)]
        parts += [_field(5, _attribute(*one)) for one in attributes.items()]
        self._parts.append(_field(1, b"".join(parts)))


def _names(arguments: Any) -> list[str]:
    nodes = arguments if isinstance(arguments, list | tuple) else [arguments]
    return [node.name for node in nodes]


def _pair(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


# The format of ONNX is protobuf: numbered fields, each a number or bytes. The numbers
# are those of onnx.proto, which never change.


def _field(number: int, value: int | bytes | str) -> bytes:
    """Encode one field of a message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return b"".join([_varint(number << 3 | 2), _varint(len(data)), data])


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tensor(name: str, array: np.ndarray) -> bytes:
    """Encode a TensorProto of float32 or int64."""
    kind = _FLOAT if array.dtype == np.float32 else 7
    dims = b"".join(_field(1, size) for size in array.shape)
    return dims + _field(2, kind) + _field(8, name) + _field(9, array.tobytes())


def _value_info(name: str, axes: int = 0) -> bytes:
    """Encode a ValueInfoProto: float32 of so many axes of any length, or any shape."""
    shape = _field(2, _field(1, b"") * axes) if axes else b""
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + shape))


def _attribute(name: str, value: Any) -> bytes:
    """Encode an AttributeProto: a float, a text, or one or several whole numbers."""
    if isinstance(value, float):
        data, kind = _varint(2 << 3 | 5) + np.float32(value).tobytes(), 1
    elif isinstance(value, str):
        data, kind = _field(4, value), 3
    elif isinstance(value, int):
        data, kind = _field(3, value), 2
    else:
        data, kind = b"".join(_field(8, int(one)) for one in value), 7
    return _field(1, name) + data + _field(20, kind)


# The small networks that the program brings along


def conv_bn_relu(
    inward: int, outward: int, stride: int | tuple[int, int] = 1
) -> nn.Sequential:
    """Return a 3 x 3 convolution, its batch norm and a ReLU."""
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )


def load_small_net(folder: Path, build: Callable[[], nn.Module]) -> nn.Module:
    """Load a network from its bundle; the caller's random state stays as it is.

    Raises:
        WeightsMissingError: The bundle or its file is missing.
        WeightsMismatchError: The bundle belongs to another network.
    """
    # Initial weights are drawn and overwritten, which must not change a training.
    with torch.random.fork_rng(devices=[]):
        net = build()
    try:
        load_weights(net, read_tensors(folder))
    except WeightsMismatchError as error:
        raise WeightsMismatchError(
            f"{folder.name}: {error} This makes it again: "
            f"python -m coin_core train {folder.name} --data rendered"
        ) from error
    return net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def check_finite(output: Tensor, bundle: str) -> Tensor:
    """Return what a small network gives, if all of it are numbers.

    Raises:
        WeightsMismatchError: Some are not finite.
    """
    # Torch takes three times as long to ask that.
    if not np.isfinite(output.detach().cpu().numpy()).all():
        raise WeightsMismatchError(
            f"The program's own network {bundle} is damaged: it gives no numbers. This "
            f"makes it again: python -m coin_core train {bundle} --data rendered"
        )
    return output
