"""Taps: what entered each layer and what came back to it, for each sample of a batch.

The gradient of a sample's loss with respect to a layer's weight is a product of what entered the layer and of the
gradient at its exit, so one pass over a batch holds the gradients of all its samples. Layers are tapped where they call
torch's functions (`F.linear`, `F.conv2d`, the norms), so it does not matter how a network is written.

BatchNorm in train mode lets the samples of a batch look at each other. Frozen, mean and deviation of the batch count as
constants: values are those of the training, gradients those of each sample alone. What the weights do by moving the
batch's means and deviations is added by `statistics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode


@dataclass(frozen=True)
class Tap:
    """One call of a layer.

    names    of its parameters: weight, and bias or None
    out      what the layer answered, part of the graph
    scale    (c,) of a BatchNorm in train mode: what it multiplies by after the batch's deviation; else None
    weigh    (b, ...) gradient at the exit -> (b, *weight.shape) gradient of each sample, and (b, *bias.shape) or None
    """

    names: tuple[str | None, str | None]
    out: torch.Tensor
    weigh: Callable[[torch.Tensor], tuple[torch.Tensor | None, torch.Tensor | None]]
    scale: torch.Tensor | None = None


@dataclass
class Taps(TorchFunctionMode):
    """Within it, every layer of `net` is tapped. Mutable: it lives for one pass over a batch of b samples."""

    net: nn.Module
    b: int
    found: list[Tap] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._names = {id(weight): name for name, weight in self.net.named_parameters() if weight.requires_grad}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tapped = _TAPPED.get(func)
        if tapped is None:
            return func(*args, **(kwargs or {}))
        before = len(self.found)
        out = tapped(self, func, *args, **(kwargs or {}))
        # The network gets a copy: it may write to it, and the tapped answer must stay what it was.
        return out.clone() if len(self.found) > before else out

    def name(self, weight: torch.Tensor | None) -> str | None:
        """The parameter that this is, or a view of; None for what is not trained."""
        if weight is None:
            return None
        own = self._names.get(id(weight))
        if own is None and weight._base is not None:  # a kernel used as a matrix
            same = weight.numel() == weight._base.numel() and weight.data_ptr() == weight._base.data_ptr()
            own = self._names.get(id(weight._base)) if same else None
        return own

    def covered(self) -> set[str]:
        """The parameters that were seen."""
        return {name for tap in self.found for name in tap.names if name is not None}

    def wanted(self) -> set[str]:
        """The parameters that are trained."""
        return set(self._names.values())

    def by_sample(self, values: torch.Tensor) -> torch.Tensor | None:
        """(b, places, c) of values (b, ..., c), or (b places, c) with rows sample by sample; None where they are not."""
        rows = values.numel() // values.shape[-1]
        if rows % self.b or (values.ndim > 2 and len(values) != self.b):  # say, the words of a text first
            return None
        return values.reshape(self.b, rows // self.b, values.shape[-1])


# -- layers ---------------------------------------------------------------------------------------------------


def _linear(taps: Taps, func: Any, given: torch.Tensor, weight: torch.Tensor, bias: Any = None) -> torch.Tensor:
    out = func(given, weight, bias)
    names = taps.name(weight), taps.name(bias)
    entered = taps.by_sample(given)
    if names == (None, None) or entered is None:
        return out

    def weigh(back: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        a, d = full(entered), full(_rows(taps, back))
        return torch.bmm(d.transpose(1, 2), a), d.sum(1)

    taps.found.append(Tap(names, out, weigh))
    return out


def _conv2d(
    taps: Taps,
    func: Any,
    input: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> torch.Tensor:
    out = func(input, weight, bias, stride, padding, dilation, groups)
    names = taps.name(weight), taps.name(bias)
    if names == (None, None) or input.ndim != 4 or len(input) != taps.b or isinstance(padding, str):
        return out
    kernel = tuple(weight.shape[2:])

    def weigh(back: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        d = full(back.flatten(2))
        each = None
        if names[0] is not None:
            steps, edge = _pair(stride), _pair(padding)
            b, o, places = d.shape
            if groups == 1 and _pair(dilation) == (1, 1) and (places > 2 * o or kernel == (1, 1)):
                each = _kernels(full(input), full(back), kernel, steps, edge)
            else:
                a = F.unfold(full(input), kernel, dilation, padding, stride)
                parts = d.reshape(b * groups, -1, places)
                each = torch.bmm(parts, a.view(b * groups, -1, places).transpose(1, 2))
            each = each.view(len(d), *weight.shape)
        return each, d.sum(2)

    taps.found.append(Tap(names, out, weigh))
    return out


def _kernels(
    given: torch.Tensor, back: torch.Tensor, kernel: tuple[int, ...], steps: tuple[int, int], edge: tuple[int, int]
) -> torch.Tensor:
    """(b, out, in, high, wide) gradient of each sample's kernels, one product for each row of the kernel.

    Only the columns of the kernel are laid side by side: 1 / high of what `F.unfold` copies, and two to three times as
    fast on CPU. Rows that a stride skips go to stacks of their own, so each product reads one run of memory.
    """
    (high, wide), (b, o, down, across) = kernel, back.shape
    d = back.reshape(b, o, down * across)
    if (high, wide) == (1, 1) and edge == (0, 0):
        return torch.bmm(d, given[:, :, :: steps[0], :: steps[1]].flatten(2).transpose(1, 2)).view(b, o, -1, 1, 1)
    c = given.shape[1]
    padded = F.pad(given, (edge[1], edge[1], edge[0], edge[0])).permute(0, 2, 3, 1)
    columns = padded.unfold(2, wide, steps[1])[:, :, :across]  # (b, rows, across, c, wide)
    stacks = [columns[:, phase :: steps[0]].reshape(b, -1, c * wide) for phase in range(min(high, steps[0]))]
    rows = [stacks[row % steps[0]].narrow(1, row // steps[0] * across, down * across) for row in range(high)]
    return torch.stack([torch.bmm(d, row).view(b, o, c, wide) for row in rows], 3)


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


def _batch_norm(
    taps: Taps,
    func: Any,
    input: torch.Tensor,
    running_mean: Any,
    running_var: Any,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    if training:
        out, mean, inverse = _FrozenNorm.apply(input, weight, bias, running_mean, running_var, momentum, eps)
    else:
        out = func(input, running_mean, running_var, weight, bias, False, momentum, eps)
        mean, inverse = running_mean, (running_var + eps).rsqrt()
    shape = (1, -1) + (1,) * (input.ndim - 2)

    def normed() -> torch.Tensor:
        return (full(input.detach()) - mean.view(shape)) * inverse.view(shape)

    scale = None
    if training:
        scale = torch.ones_like(mean) if weight is None else weight.detach()
    return _scaled(taps, out, weight, bias, normed, channel=1, scale=scale)


def _layer_norm(
    taps: Taps, func: Any, input: torch.Tensor, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> torch.Tensor:
    out = func(input, shape, weight, bias, eps)
    return _scaled(taps, out, weight, bias, lambda: F.layer_norm(full(input.detach()), shape, eps=eps), channel=-1)


def _group_norm(
    taps: Taps, func: Any, input: torch.Tensor, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> torch.Tensor:
    out = func(input, groups, weight, bias, eps)
    return _scaled(taps, out, weight, bias, lambda: F.group_norm(full(input.detach()), groups, eps=eps), channel=1)


def _scaled(
    taps: Taps,
    out: torch.Tensor,
    weight: Any,
    bias: Any,
    normed: Callable[[], torch.Tensor],
    *,
    channel: int,
    scale: torch.Tensor | None = None,
) -> torch.Tensor:
    """Tap what a norm does last: scale and shift by channel."""
    names = taps.name(weight), taps.name(bias)
    if names == (None, None) and scale is None:
        return out

    def rows(values: torch.Tensor) -> torch.Tensor | None:
        return taps.by_sample(values.movedim(channel, -1).contiguous())

    kept: list[tuple[torch.Tensor, torch.Tensor]] = []  # asked for twice where statistics move

    def weigh(back: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        if kept:
            return kept[0]
        d = rows(full(back))
        x = rows(normed())
        assert d is not None and x is not None
        kept.append(((d * x).sum(1), d.sum(1)))
        return kept[0]

    whole = out.numel() // out.shape[channel] % taps.b == 0
    if whole and (weight is None or weight.ndim == 1):
        taps.found.append(Tap(names, out, weigh, scale))
    return out


def full(values: torch.Tensor) -> torch.Tensor:
    """Half precision brought to single; double stays."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def _rows(taps: Taps, values: torch.Tensor) -> torch.Tensor:
    found = taps.by_sample(values)
    assert found is not None  # it was for the same rows going in
    return found


_TAPPED: dict[Any, Callable[..., torch.Tensor]] = {
    F.linear: _linear,
    F.conv2d: _conv2d,
    torch.conv2d: _conv2d,
    F.batch_norm: _batch_norm,
    F.layer_norm: _layer_norm,
    F.group_norm: _group_norm,
}


# -- BatchNorm with two ways back -----------------------------------------------------------------------------

_FROZEN = False


@contextmanager
def frozen() -> Iterator[None]:
    """Within it, the way back through BatchNorm takes mean and deviation of the batch for constants."""
    global _FROZEN  # noqa: PLW0603 - autograd calls the way back, and can be handed nothing
    before, _FROZEN = _FROZEN, True
    try:
        yield
    finally:
        _FROZEN = before


class _FrozenNorm(torch.autograd.Function):
    """BatchNorm in train mode; see `frozen`. Also gives mean and 1 / deviation of the batch."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        out, batch_mean, inverse = torch.native_batch_norm(x, weight, bias, mean, variance, True, momentum, eps)
        ctx.save_for_backward(x, weight, batch_mean, inverse)
        ctx.save_for_forward(x, weight, batch_mean, inverse)
        ctx.eps, ctx.biased = eps, bias is not None
        ctx.mark_non_differentiable(batch_mean, inverse)
        return out, batch_mean, inverse

    @staticmethod
    def backward(ctx: Any, *backs: torch.Tensor) -> Any:
        x, weight, mean, inverse = ctx.saved_tensors
        back = backs[0].contiguous(memory_format=torch.channels_last) if _last(x) else backs[0].contiguous()
        if _FROZEN:
            shape = (1, -1) + (1,) * (x.ndim - 2)
            scale = inverse if weight is None else inverse * weight
            return back * scale.view(shape), None, None, None, None, None, None
        mask = [ctx.needs_input_grad[0], weight is not None, ctx.biased]
        dx, dw, db = torch.ops.aten.native_batch_norm_backward(
            back, x, weight, None, None, mean, inverse, True, ctx.eps, mask
        )
        return dx, dw, db, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *ways: Any) -> Any:
        """What moves at the exit: torch's own way there is several times as slow as its way back."""
        x, weight, mean, inverse = ctx.saved_tensors
        by_x, by_weight, by_bias = ways[:3]
        found = None
        if by_x is not None:  # normalising has a symmetric Jacobian: forwards it is the way back
            by_x = by_x.contiguous(memory_format=torch.channels_last) if _last(x) else by_x.contiguous()
            found = torch.ops.aten.native_batch_norm_backward(
                by_x, x, weight, None, None, mean, inverse, True, ctx.eps, [True, False, False]
            )[0]
        if by_weight is not None or by_bias is not None:
            variance = inverse.square().reciprocal() - ctx.eps
            by_weight = torch.zeros_like(mean) if by_weight is None else by_weight
            moved = torch.batch_norm(x, by_weight, by_bias, mean, variance, False, 0.0, ctx.eps, False)
            found = moved if found is None else found + moved
        return (torch.zeros_like(x) if found is None else found), None, None


class QuickNorms(TorchFunctionMode):
    """Within it, BatchNorm in train mode is as quick forwards (torch's forward mode) as backwards."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.batch_norm:
            given = dict(zip(BATCH_NORM, args, strict=False)) | (kwargs or {})
            if given.get("training"):
                return _FrozenNorm.apply(
                    given["input"],
                    given.get("weight"),
                    given.get("bias"),
                    given["running_mean"],
                    given["running_var"],
                    given.get("momentum", 0.1),
                    given.get("eps", 1e-5),
                )[0]
        return func(*args, **(kwargs or {}))


BATCH_NORM = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")


def _last(x: torch.Tensor) -> bool:
    return x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
