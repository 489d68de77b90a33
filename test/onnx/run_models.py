"""Runs ONNX models by ONNX Runtime, once ONNX's own checker has passed them.

    pip install onnx onnxruntime
    python run_models.py FOLDER

In the folder, each NAME.onnx has a NAME.json with a list of inputs { dtype, shape, data }. Prints, as
JSON, for each name a list of outputs of the same form, or { "error": … }.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def array(value):
    return np.array(value["data"], dtype=value["dtype"]).reshape(value["shape"])


def described(array):
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": [float(element) for element in array.ravel()],
    }


def run(file):
    onnx.checker.check_model(onnx.load(file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        file.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    inputs = json.loads(file.with_suffix(".json").read_text())
    names = [value.name for value in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, map(array, inputs))))
    return [described(output) for output in outputs]


results = {}
for file in sorted(Path(sys.argv[1]).glob("*.onnx")):
    try:
        results[file.stem] = run(file)
    except Exception as error:
        results[file.stem] = {"error": str(error)}
json.dump(results, sys.stdout)
