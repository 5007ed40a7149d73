"""The pair of TVM versions that works stays pinned."""

import tvm
from tvm.script import tirx as T


def test_save_json_survives():
    """With apache-tvm-ffi 0.1.15.post2 this is a segmentation fault."""

    @T.prim_func(s_tir=True)
    def double(a: T.Buffer((4,), "int32"), b: T.Buffer((4,), "int32")):
        for i in range(4):
            with T.sblock("double"):
                v = T.axis.spatial(4, i)
                b[v] = a[v] * 2

    module = tvm.IRModule({"double": double})
    tvm.ir.assert_structural_equal(tvm.ir.load_json(tvm.ir.save_json(module)), module)
