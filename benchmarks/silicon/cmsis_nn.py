"""C that calls CMSIS-NN layer by layer, through its wrappers, with its own scratch buffers."""

from __future__ import annotations

from benchmarks.silicon.layers import Layer, Network
from benchmarks.silicon.printing import array, ends

_CHECK = "if (status != ARM_CMSIS_NN_SUCCESS && network_status == 0) {{ network_status = {n}; }}"


def source(network: Network) -> str:
    """Return the C file of a network."""
    offsets, bytes_ = network.offsets()
    constants: list[str] = []
    calls = [_call(n, layer, offsets, constants) for n, layer in enumerate(network.layers, 1)]
    scratch = 64 * 1024
    return "\n".join(
        [
            '#include "network.h"',
            '#include "arm_nnfunctions.h"',
            *constants,
            f"static int8_t arena[{bytes_}] __attribute__((aligned(16)));",
            f"static int8_t scratch[{scratch}] __attribute__((aligned(16)));",
            "int network_status;",
            *ends(network, offsets),
            f"static void *room(int32_t bytes, int n) {{ if (bytes > {scratch}) {{ network_status = n; }}"
            " return scratch; }",
            "void network_run(void) {",
            "  arm_cmsis_nn_status status = ARM_CMSIS_NN_SUCCESS;",
            *calls,
            "}",
            "",
        ]
    )


def _call(n: int, layer: Layer, offsets: dict[int, int], constants: list[str]) -> str:
    given = [f"arena + {offsets[i]}" for i in layer.inputs]
    made = f"arena + {offsets[layer.output]}"
    body = {
        "conv": _convolution,
        "depthwise": _convolution,
        "dense": _dense,
        "average": _average,
        "add": _add,
        "softmax": _softmax,
    }[layer.kind](n, layer, given, made, constants)
    return "  {" + body + _CHECK.format(n=n) + "}"


def _dims(name: str, n: int, h: int, w: int, c: int) -> str:
    return f"const cmsis_nn_dims {name} = {{{n}, {h}, {w}, {c}}};"


def _shapes(layer: Layer, filters: tuple[int, int, int, int]) -> str:
    return (
        _dims("input", 1, *layer.input_shape)
        + _dims("filter", *filters)
        + _dims("bias", 1, 1, 1, layer.output_shape[2])
        + _dims("output", 1, *layer.output_shape)
    )


def _weights(n: int, layer: Layer, constants: list[str]) -> None:
    assert layer.weights is not None
    assert layer.bias is not None
    constants.append(array("int8_t", f"weights_{n}", layer.weights))
    constants.append(array("int32_t", f"bias_{n}", layer.bias))


def _convolution(n: int, layer: Layer, given: list[str], made: str, constants: list[str]) -> str:
    _weights(n, layer, constants)
    constants.append(array("int32_t", f"multipliers_{n}", layer.multipliers))
    constants.append(array("int32_t", f"shifts_{n}", layer.shifts))
    (h, w), channels = layer.window, layer.output_shape[2]
    depthwise = layer.kind == "depthwise"
    name = "depthwise_conv" if depthwise else "convolve"
    filters = (1, h, w, channels) if depthwise else (channels, h, w, layer.input_shape[2])
    multiplier = f".ch_mult = {channels // layer.input_shape[2]}, " if depthwise else ""
    return (
        _shapes(layer, filters)
        + f"const cmsis_nn_{'dw_' if depthwise else ''}conv_params params = {{.input_offset = {-layer.input_zero}, "
        f".output_offset = {layer.output_zero}, {multiplier}.stride = {{{layer.stride[1]}, {layer.stride[0]}}}, "
        f".padding = {{{layer.pad[1]}, {layer.pad[0]}}}, .dilation = {{1, 1}}, "
        f".activation = {{{layer.clip[0]}, {layer.clip[1]}}}}};"
        f"const cmsis_nn_per_channel_quant_params quant = {{(int32_t *)multipliers_{n}, (int32_t *)shifts_{n}}};"
        f"const int32_t bytes = arm_{name}_wrapper_s8_get_buffer_size(&params, &input, &filter, &output);"
        f"const cmsis_nn_context context = {{room(bytes, {n}), bytes}};"
        f"status = arm_{name}_wrapper_s8(&context, &params, &quant, &input, {given[0]}, &filter, weights_{n}, "
        f"&bias, bias_{n}, &output, {made});"
    )


def _dense(n: int, layer: Layer, given: list[str], made: str, constants: list[str]) -> str:
    _weights(n, layer, constants)
    depth, channels = layer.input_shape[2], layer.output_shape[2]
    return (
        _shapes(layer, (depth, 1, 1, channels))
        + f"const cmsis_nn_fc_params params = {{.input_offset = {-layer.input_zero}, .filter_offset = 0, "
        f".output_offset = {layer.output_zero}, .activation = {{{layer.clip[0]}, {layer.clip[1]}}}}};"
        f"const cmsis_nn_per_tensor_quant_params quant = {{{layer.multipliers[0]}, {layer.shifts[0]}}};"
        f"const int32_t bytes = arm_fully_connected_s8_get_buffer_size(&filter);"
        f"const cmsis_nn_context context = {{room(bytes, {n}), bytes}};"
        f"status = arm_fully_connected_s8(&context, &params, &quant, &input, {given[0]}, &filter, weights_{n}, "
        f"&bias, bias_{n}, &output, {made});"
    )


def _average(n: int, layer: Layer, given: list[str], made: str, constants: list[str]) -> str:
    return (
        _shapes(layer, (1, *layer.window, 1))
        + f"const cmsis_nn_pool_params params = {{{{{layer.stride[1]}, {layer.stride[0]}}}, "
        f"{{{layer.pad[1]}, {layer.pad[0]}}}, {{{layer.clip[0]}, {layer.clip[1]}}}}};"
        f"const int32_t bytes = arm_avgpool_s8_get_buffer_size(output.w, input.c);"
        f"const cmsis_nn_context context = {{room(bytes, {n}), bytes}};"
        f"status = arm_avgpool_s8(&context, &params, &input, {given[0]}, &filter, &output, {made}); (void)bias;"
    )


def _add(n: int, layer: Layer, given: list[str], made: str, constants: list[str]) -> str:
    a = layer.numbers
    size = layer.output_shape[0] * layer.output_shape[1] * layer.output_shape[2]
    return (
        f"status = arm_elementwise_add_s8({given[0]}, {given[1]}, {-a['lhs_zero_point']}, {a['lhs_multiplier']}, "
        f"{a['lhs_shift']}, {-a['rhs_zero_point']}, {a['rhs_multiplier']}, {a['rhs_shift']}, {a['left_shift']}, "
        f"{made}, {a['output_zero_point']}, {a['output_multiplier']}, {a['output_shift']}, {a['act_min']}, "
        f"{a['act_max']}, {size});"
    )


def _softmax(n: int, layer: Layer, given: list[str], made: str, constants: list[str]) -> str:
    a = layer.numbers
    return (
        f"arm_softmax_s8({given[0]}, 1, {layer.input_shape[2]}, {a['multiplier']}, {a['shift']}, {a['diff_min']}, "
        f"{made});"
    )
