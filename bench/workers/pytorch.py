"""PyTorch as a worker; see serve.py.

The argument is JSON: {"threads": n, "channelsLast": whether images and filters lie channels last}.
"""

import serve

try:
    import torch
    import torch.nn.functional as F
    from torch import nn
except ImportError as error:
    serve.unavailable(error, "pip install torch==2.13.0")


OPTIONS = serve.options()
KEPT = torch.preserve_format
FORMAT = torch.channels_last if OPTIONS["channelsLast"] else torch.contiguous_format
DTYPES = {"float32": torch.float32, "int32": torch.int32, "uint8": torch.uint8}


def read_arrays(file):
    data, entries = serve.array_entries(file)
    arrays = {}
    for entry in entries:
        dtype, length, offset = DTYPES[entry["dtype"]], entry["length"], entry["offset"]
        array = torch.frombuffer(data, dtype=dtype, count=length, offset=offset)
        # Memory of its own, aligned as PyTorch likes it, images and filters in the worker's layout.
        array = array.reshape(entry["shape"])
        arrays[entry["name"]] = array.clone(memory_format=FORMAT if array.dim() == 4 else KEPT)
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


class Block(nn.Module):
    """Two 3×3 convolutions and what goes around them."""

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + shortcut)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = Block(16, 16, 1)
        self.layer2 = Block(16, 32, 2)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.layer1(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Gru(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gru = nn.GRU(width, width)

    def forward(self, x):
        return self.gru(x)[0]


def encoder(task):
    layer = nn.TransformerEncoderLayer(
        task["width"], task["heads"], task["feedForward"], dropout=0, batch_first=True
    )
    return nn.TransformerEncoder(layer, task["layers"], enable_nested_tensor=False)


NETS = {
    "lenet": lambda task: LeNet(),
    "lenet-bn": lambda task: LeNetBN(),
    "cnn": lambda task: Cnn(),
    "resnet": lambda task: ResNet(),
    "gru": lambda task: Gru(task["width"]),
    "transformer": encoder,
}


def load_net(task, arrays):
    net = NETS[task["net"]](task).to(memory_format=FORMAT)
    # What is no array starts as it is: normalisation.
    net.load_state_dict({name: arrays.get(name, own) for name, own in net.state_dict().items()})
    return net


class Trainer:
    def __init__(self, task, arrays):
        self.net = load_net(task, arrays)
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=task["lr"], momentum=task["momentum"]
        )
        self.loss_of = F.mse_loss if task["kind"] == "sequence" else F.cross_entropy

    def train(self, x, labels):
        loss = self.loss_of(self.net(x), labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()


class StepJob(Trainer):
    def __init__(self, task, arrays):
        super().__init__(task, arrays)
        self.x = arrays["x"]
        self.labels = arrays["target"] if task["kind"] == "sequence" else arrays["labels"].long()
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
    "sequence": StepJob,
    "race": RaceJob,
}


def digest(tensor):
    """The twin of workers/serve.js's digest."""
    values = tensor.detach().flatten().double()
    weights = 1 + (torch.arange(len(values)) % 97).double() / 97
    return (weights * values * values).sum().item()


def prepare(task, file):
    if OPTIONS["channelsLast"] and task["kind"] in ("matmul", "layer-norm", "sequence"):
        raise ValueError("only images have channels")
    return JOBS[task["kind"]](task, read_arrays(file))


def main():
    torch.set_num_threads(OPTIONS["threads"])
    version = f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread(s)"
    serve.serve(version, prepare, digest)


main()
