"""The Python workers' side of the conversation that src/worker.ts leads: a line of JSON comes in on
stdin, a line goes out on stdout, as in serve.js. Import it before anything that may print.
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


def unavailable(error, install):
    """What stands in for a system that does not run here."""
    answer({"unavailable": f"{error}; {install} brings it"})
    sys.exit()


def options():
    """The worker's argument, which is JSON."""
    return json.loads(sys.argv[1])


def array_entries(file):
    """The bytes of the arrays that src/arrays.ts wrote, and where each of them lies."""
    data = bytearray(Path(f"{file}.bin").read_bytes())
    return data, json.loads(Path(f"{file}.json").read_text())


def time_runs(job, times):
    ms = []
    for _ in range(times):
        begin = time.perf_counter()
        job.run()
        ms.append(1000 * (time.perf_counter() - begin))
    return ms


def peak_memory_bytes():
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def serve(version, prepare, digest):
    """Answers until stdin ends.

    prepare: makes a job of a task and the path of its files; digest: see serve.js's, of one result.
    """
    answer({"version": version})
    job = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if message["do"] == "prepare":
                job = None
                job = prepare(message["task"], message["arrays"])
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
