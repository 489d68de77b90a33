"""PyTorch as a worker: answers a line of JSON on stdout for each on stdin, as workers/serve.js does.

The argument is JSON: {"threads": n}.
"""

import json
import resource
import sys
import time
from pathlib import Path

protocol = sys.stdout
# What libraries print must not get between the answers.
sys.stdout = sys.stderr


def answer(message):
    print(json.dumps(message), file=protocol, flush=True)


try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    answer({"unavailable": str(error)})
    sys.exit()


DTYPES = {"float32": torch.float32, "int32": torch.int32, "uint8": torch.uint8}


def read_arrays(file):
    data = bytearray(Path(f"{file}.bin").read_bytes())
    arrays = {}
    for entry in json.loads(Path(f"{file}.json").read_text()):
        dtype, length, offset = DTYPES[entry["dtype"]], entry["length"], entry["offset"]
        array = torch.frombuffer(data, dtype=dtype, count=length, offset=offset)
        # Memory of its own, aligned as PyTorch likes it.
        arrays[entry["name"]] = array.reshape(entry["shape"]).clone()
    return arrays


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


class LeNetBN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, bias=False)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 5, bias=False)
        self.norm2 = nn.BatchNorm2d(32)
        self.fc = nn.Linear(512, 10)

    def forward(self, x):
        x = F.relu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        x = F.relu(self.norm2(F.max_pool2d(self.conv2(x), 2)))
        return self.fc(x.flatten(1))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.fc1 = nn.Linear(9216, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


NETS = {"lenet": LeNet, "lenet-bn": LeNetBN, "cnn": Cnn}


def load_net(task, arrays):
    net = NETS[task["net"]]()
    # What is no array starts as it is: batch normalisation.
    net.load_state_dict({name: arrays.get(name, own) for name, own in net.state_dict().items()})
    return net


class Trainer:
    def __init__(self, task, arrays):
        self.net = load_net(task, arrays)
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=task["lr"], momentum=task["momentum"]
        )

    def train(self, x, labels):
        loss = F.cross_entropy(self.net(x), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


class StepJob(Trainer):
    def __init__(self, task, arrays):
        super().__init__(task, arrays)
        self.x = arrays["x"]
        self.labels = arrays["labels"].long()
        self.loss = float("nan")

    def run(self):
        self.loss = self.train(self.x, self.labels)

    def outputs(self):
        gradients = {name: parameter.grad for name, parameter in self.net.named_parameters()}
        return {"loss": torch.tensor([self.loss], dtype=torch.float64), **gradients}


class RaceJob(Trainer):
    def __init__(self, task, arrays):
        super().__init__(task, arrays)
        self.task = task
        self.images, self.test_images = (
            arrays[f"{part}Images"].float().div_(255).sub_(task["mean"]).div_(task["std"])
            for part in ("train", "test")
        )
        self.labels, self.test_labels = (
            arrays[f"{part}Labels"].long() for part in ("train", "test")
        )
        self.batches = iter(arrays["order"].split(task["batch"]))
        self.step = 0

    def run(self):
        for _ in range(self.task["stepsPerRun"]):
            rows = next(self.batches)
            for group in self.optimizer.param_groups:
                group["lr"] = self.task["lr"] * (1 - self.step / self.task["steps"])
            self.train(self.images[rows], self.labels[rows])
            self.step += 1

    def outputs(self):
        with torch.inference_mode():
            batches = zip(self.test_images.split(250), self.test_labels.split(250))
            correct = sum((self.net(x).argmax(1) == labels).sum() for x, labels in batches)
        return {"accuracy": correct / len(self.test_labels)}


class ForwardJob:
    def __init__(self, task, arrays):
        self.net = load_net(task, arrays).eval()
        self.x = arrays["x"]

    def run(self):
        with torch.inference_mode():
            self.out = self.net(self.x)

    def outputs(self):
        return {"out": self.out}


class MatmulJob:
    def __init__(self, task, arrays):
        self.a = arrays["a"]
        self.b = arrays["b"]

    def run(self):
        self.out = self.a @ self.b

    def outputs(self):
        return {"out": self.out}


class LayerJob:
    """A layer's output, then the gradients of its input, weight and bias."""

    def __init__(self, task, arrays):
        self.task = task
        self.leaves = [arrays[name].requires_grad_() for name in ("x", "weight", "bias")]
        self.d_out = arrays["dOut"]

    def run(self):
        for leaf in self.leaves:
            leaf.grad = None
        self.out = self.forward(*self.leaves)
        self.out.backward(self.d_out)

    def outputs(self):
        gradients = zip(("dX", "dWeight", "dBias"), self.leaves)
        return {"out": self.out, **{name: leaf.grad for name, leaf in gradients}}


class ConvJob(LayerJob):
    def forward(self, x, weight, bias):
        layer = self.task["layer"]
        options = {name: layer[name] for name in ("stride", "padding", "dilation", "groups")}
        return F.conv2d(x, weight, bias, **options)


class LayerNormJob(LayerJob):
    def forward(self, x, weight, bias):
        return F.layer_norm(x, [self.task["n"]], weight, bias)


JOBS = {
    "step": StepJob,
    "forward": ForwardJob,
    "matmul": MatmulJob,
    "conv": ConvJob,
    "layer-norm": LayerNormJob,
    "race": RaceJob,
}


def time_runs(job, times):
    ms = []
    for _ in range(times):
        begin = time.perf_counter()
        job.run()
        ms.append(1000 * (time.perf_counter() - begin))
    return ms


def digest(tensor):
    """The twin of workers/serve.js's digest."""
    values = tensor.detach().flatten().double()
    weights = 1 + (torch.arange(len(values)) % 97).double() / 97
    return (weights * values * values).sum().item()


def peak_memory_bytes():
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main():
    options = json.loads(sys.argv[1])
    torch.set_num_threads(options["threads"])
    answer({"version": f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread(s)"})
    job = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["do"] == "prepare":
                job = None
                job = JOBS[message["task"]["kind"]](message["task"], read_arrays(message["arrays"]))
                answer({"prepared": True})
            elif message["do"] == "run":
                answer({"ms": time_runs(job, message["times"])})
            elif message["do"] == "digests":
                outputs = job.outputs().items()
                answer({"outputs": {name: digest(values) for name, values in outputs}})
            elif message["do"] == "outputs":
                outputs = job.outputs().items()
                answer({"outputs": {name: values.flatten().tolist() for name, values in outputs}})
            elif message["do"] == "memory":
                answer({"bytes": peak_memory_bytes()})
            else:
                answer({"error": f"unknown message {message['do']}"})
        except Exception as error:  # noqa: BLE001: whatever it is, the bench has to hear of it.
            answer({"error": str(error)})


main()
