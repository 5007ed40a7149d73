"""Random networks that move blocks of pixels to channels and back, shuffle channels, and join branches of any depth."""

from __future__ import annotations

from tests.plans.networks import NetworkGrower
from tvm_patch.tflite.writer import write_model

_PLANES, _PIXELS = (0, 3, 1, 2), (0, 2, 3, 1)


class RearrangingGrower(NetworkGrower):
    """Adds rearrangements as converters write them."""

    def moved(self, x: int, split: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]) -> int:
        """Add RESHAPE, TRANSPOSE, RESHAPE."""
        turned = self.model.transpose(self.model.reshape(x, split), order)
        return self.model.reshape(turned, shape)

    def to_channels(self) -> None:
        """Blocks of pixels, in any order of rows, columns and channels of a block."""
        i, j = self.choice((2, 2), (2, 1), (1, 2), (3, 2))
        _, height, width, channels = self.model.shape(self.at)
        if height < 2 * i or width < j:
            return
        high, wide = height // i * i, width // j * j
        if (high, wide) != (height, width):
            self.at = self.model.strided_slice(self.at, (0, 0, 0, 0), (1, high, wide, channels))
        high, wide = high // i, wide // j
        if i == j and self.choice(True, False):
            self.at = self.model.space_to_depth(self.at, i)
        else:
            inner = self.rng.permutation([2, 4, 5])
            split, shape = (1, high, i, wide, j, channels), (1, high, wide, i * j * channels)
            self.at = self.moved(self.at, split, (0, 1, 3, *map(int, inner)), shape)

    def to_pixels(self) -> None:
        """Channels, in any order of rows, columns and channels of a block."""
        (i, j), depth = self.choice((2, 2), (2, 1), (1, 2), (3, 2)), self.number(1, 3)
        self.at = self.conv(self.at, 1, i * j * depth)
        _, height, width, _ = self.model.shape(self.at)
        if i == j and self.choice(True, False):
            self.at = self.model.depth_to_space(self.at, i)
            return
        names = [str(n) for n in self.rng.permutation(["i", "j", "c"])]
        extents = {"i": i, "j": j, "c": depth}
        row, column, channel = (3 + names.index(n) for n in "ijc")
        split = (1, height, width, *(extents[n] for n in names))
        self.at = self.moved(
            self.at, split, (0, 1, row, 2, column, channel), (1, height * i, width * j, depth)
        )

    def pixel_shuffle(self) -> None:
        """Between planes, with an element-wise operator on either side."""
        depth = self.number(1, 3)
        x = self.model.transpose(self.conv(self.at, 3, 4 * depth), _PLANES)
        _, _, height, width = self.model.shape(x)
        x = self.model.hard_swish(x, *self.model.quantization(x))
        x = self.moved(
            x, (1, depth, 2, 2, height, width), (0, 1, 4, 2, 5, 3), (1, depth, 2 * height, 2 * width)
        )
        self.at = self.model.transpose(self.model.relu6(x, *self.model.quantization(x)), _PIXELS)

    def shuffled(self) -> None:
        """A unit of ShuffleNet V2."""
        half = self.number(1, 4)
        x = self.conv(self.at, 1, 2 * half)
        passes, enters = self.model.split(x, 2, 3)
        deep = self.conv(self.depthwise(self.conv(enters, 1, half), self.choice(3, 5)), 1, half)
        deep = self.model.quantize(deep, *self.model.quantization(x))
        x = self.model.concatenation([passes, deep] if self.choice(True, False) else [deep, passes], 3)
        _, height, width, channels = self.model.shape(x)
        self.at = self.moved(x, (1, height, width, 2, half), (0, 1, 2, 4, 3), (1, height, width, channels))

    def branches(self) -> None:
        """Two to four branches of any depth, each of which may begin in the one before."""
        scale, zero_point = self.model.quantization(self.at)
        ends, starts = [], [self.at]
        for _ in range(self.number(2, 4)):
            x = self.choice(*starts)
            for _ in range(self.number(0, 3)):
                x = self.conv(x, self.choice(1, 3, 3, 5), self.number(1, 4))
                starts.append(x)
            ends.append(self.model.quantize(x, scale * 1.3, zero_point))
        self.at = self.model.concatenation(ends, 3)


def rearranging_network(seed: int) -> bytes:
    """Return a random network of rearrangements and branches between convolutions."""
    grower = RearrangingGrower(seed)
    blocks = (
        grower.to_channels,
        grower.to_pixels,
        grower.pixel_shuffle,
        grower.shuffled,
        grower.branches,
    )
    for _ in range(grower.number(1, 3)):
        grower.choice(*blocks)()
        grower.choice(grower.chain, grower.chain, grower.separable, grower.pointwise, grower.residual)()
    if grower.choice(True, False):
        grower.head()
    grower.model.output(grower.at)
    return write_model(grower.model.finish())
