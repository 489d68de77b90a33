"""Runs functions of PyTorch on given tensors.

    pip install torch
    python run_functions.py FOLDER

In the folder, functions.py has a function for each NAME.json, a list of inputs { dtype, shape, data }.
Prints, as JSON, for each name a list of outputs of the same form, or { "error": … }.
"""

import importlib.util
import json
import sys
from pathlib import Path

import torch


def tensor(value):
    dtype = getattr(torch, value["dtype"])
    return torch.tensor(value["data"], dtype=torch.float64).to(dtype).reshape(value["shape"])


def described(x):
    return {
        "dtype": str(x.dtype).removeprefix("torch."),
        "shape": list(x.shape),
        "data": [float(element) for element in x.flatten()],
    }


def run(function, file):
    outputs = function(*map(tensor, json.loads(file.read_text())))
    return [described(x) for x in (outputs if isinstance(outputs, tuple) else [outputs])]


def main(folder):
    spec = importlib.util.spec_from_file_location("functions", folder / "functions.py")
    functions = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(functions)
    results = {}
    for file in sorted(folder.glob("*.json")):
        try:
            results[file.stem] = run(getattr(functions, file.stem), file)
        except Exception as error:
            results[file.stem] = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(results))


main(Path(sys.argv[1]))
