"""ONNX Runtime's native library as a worker, for forward passes; see serve.py.

The argument is JSON: {"threads": n}.
"""

import serve

try:
    import numpy as np
    import onnxruntime
except ImportError as error:
    serve.unavailable(error, "pip install onnxruntime")

DTYPES = {"float32": np.float32, "int32": np.int32, "uint8": np.uint8}


def read_array(file, name):
    data, entries = serve.array_entries(file)
    entry = next(entry for entry in entries if entry["name"] == name)
    dtype, length, offset = DTYPES[entry["dtype"]], entry["length"], entry["offset"]
    return np.frombuffer(data, dtype, length, offset).reshape(entry["shape"]).copy()


class ForwardJob:
    def __init__(self, file, threads):
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = threads
        session_options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            f"{file}.onnx", session_options, providers=["CPUExecutionProvider"]
        )
        self.inputs = {"x": read_array(file, "x")}

    def run(self):
        (self.out,) = self.session.run(None, self.inputs)

    def outputs(self):
        return {"out": self.out}


def digest(array):
    """The twin of workers/serve.js's digest."""
    values = array.flatten().astype(np.float64)
    weights = 1 + (np.arange(len(values)) % 97) / 97
    return float((weights * values * values).sum())


def main():
    threads = serve.options()["threads"]

    def prepare(task, file):
        if task["kind"] != "forward":
            raise ValueError("ONNX Runtime has forward passes only")
        return ForwardJob(file, threads)

    version = f"ONNX Runtime {onnxruntime.__version__}, {threads} thread(s)"
    serve.serve(version, prepare, digest)


main()
