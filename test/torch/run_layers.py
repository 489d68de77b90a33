"""Runs layers of PyTorch on the state and the inputs of Unfold's.

    pip install torch
    python run_layers.py < cases.json

The cases are a list of { construct, call, isRandom, state, inputs }: two expressions of Python, with the
layer as `layer` and its inputs as x0, x1, …; the tensors are { dtype, shape, data }. Prints, as JSON, for
each the tensors that it gives in training, where that isn't random, and then in evaluation; or { "error": … }.
"""

import json
import sys
import warnings

import torch
from torch import nn

# Nothing that a project would warn of, but for the copy that an even kernel costs.
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="Using padding='same'")


def tensor(value):
    return torch.tensor(value["data"], dtype=getattr(torch, value["dtype"])).reshape(value["shape"])


def tensors(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [] if result is None else [part for one in result for part in tensors(one)]


def described(x):
    dtype = str(x.dtype).removeprefix("torch.")
    return {"dtype": dtype, "shape": list(x.shape), "data": x.detach().flatten().tolist()}


def run(case):
    names = {"torch": torch, "nn": nn}
    layer = eval(case["construct"], names)
    state = {name: tensor(value) for name, value in case["state"].items()}
    layer.load_state_dict(state, strict=True)
    inputs = {f"x{i}": tensor(value) for i, value in enumerate(case["inputs"])}
    modes = [False] if case["isRandom"] else [True, False]
    results = []
    for mode in modes:
        layer.train(mode)
        with torch.set_grad_enabled(mode):
            results += tensors(eval(case["call"], {**names, **inputs, "layer": layer}))
    return [described(x) for x in results]


results = []
for case in json.load(sys.stdin):
    try:
        results.append(run(case))
    except Exception as error:
        results.append({"error": f"{type(error).__name__}: {error}"})
json.dump(results, sys.stdout)
