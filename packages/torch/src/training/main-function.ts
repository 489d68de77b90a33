import { part } from './template.js';
import type { TrainFacts } from './train-facts.js';

/** The functions of train.py that know of other processes. */
export const PROCESSES = part`
def over_processes(
    values: list[float], device: torch.device, take: Any = dist.ReduceOp.SUM
) -> list[float]:
    """The sums of values, or what else is to be taken of them, over all processes."""
    if WORLD == 1:
        return values
    reduced = torch.tensor(values, device=device)
    dist.all_reduce(reduced, take)
    return reduced.tolist()


def say(text: str) -> None:
    """Prints a line, once for all processes."""
    if RANK == 0:
        print(text, flush=True)
`;

/** The function of train.py that its command calls. */
export const mainFunction = ({ className, hasTest }: TrainFacts): string => part`
def count(text: str) -> int:
    """A number of at least 1."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(description="Trains ${className} on.")
    parser.add_argument("--epochs", type=count, help="a new run of so many epochs, from weights")
    parser.add_argument("--fresh", action="store_true", help="a new run, from initial weights")
    parser.add_argument(
        "--checkpoint-every", type=count, default=0, help="steps between checkpoints within epochs"
    )
    parser.add_argument("--amp", action="store_true", help="compute in bfloat16 where that is safe")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=count, help="threads of a process on CPUs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Trains as the options say. Gives the exit code."""
    options = parse(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    begins_group = WORLD > 1 and not dist.is_initialized()
    if begins_group:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    start = "fresh" if options.fresh else "weights" if options.epochs else "unfold"
    run = Run(device, start, options.epochs or EPOCHS, options.amp)
    if CHECKPOINT.exists():
        run.load_state_dict(torch.load(CHECKPOINT, map_location="cpu", weights_only=True))
    code = train(run, options.checkpoint_every)
    if begins_group:
        # None ends its group while it, or another process, still uses it.
        del run
        gc.collect()
        dist.barrier()
        dist.destroy_process_group()
    return code


def train(run: Run, checkpoint_every: int) -> int:
    """Trains to the end, or until the step is done in which a signal came. Gives the exit code."""
    if run.epoch > run.epochs:
        say(
            f"The run had finished after {run.step} steps. --epochs N trains its weights on, in a "
            "new cycle of N epochs; --fresh trains anew. Delete checkpoint.pt before, if it is there."
        )
        return 0
    stops = [0]
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda received, _: stops.append(received))
    while run.epoch <= run.epochs:
        for loss in run.train_epoch():
            if run.step % 100 == 0:
                say(f"epoch {run.epoch}, step {run.step}: loss {loss:.4f}")
            stop = int(over_processes([stops[-1]], run.device, dist.ReduceOp.MAX)[0])
            if stop or (checkpoint_every and run.step % checkpoint_every == 0):
                run.save()
            if stop:
                say(f"stopped after step {run.step}; the same command goes on")
                return 128 + stop
        say(run.end_epoch())
        run.save()
    run.export()
    ${
      hasTest &&
      part`
loss, accuracy = run.evaluate("test")
say(f"test loss {loss:.4f}, accuracy {100 * accuracy:.2f} %")
`
    }
    say("trained.safetensors has the weights")
    return 0
`;
