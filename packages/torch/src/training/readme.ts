import type { Position } from './facts.js';
import { file, part } from './template.js';

/** What the README tells of. */
export interface ReadmeFacts {
  readonly className: string;
  readonly epochs: number;
  readonly position: Position;
  readonly hasAugmentation: boolean;
  readonly hasEMA: boolean;
  readonly hasBatchNorm: boolean;
  readonly hasOneCycle: boolean;
  /** Whether test_parity.py compares losses. */
  readonly hasLosses: boolean;
  /** Whether the model draws random numbers in training. */
  readonly isRandom: boolean;
}

/** README.md of a project of a model alone. */
export const modelReadme = (className: string): string =>
  file`
# ${className} in PyTorch

A model of Unfold, as a project of PyTorch. The code is yours: nothing in it needs Unfold.

~~~sh
pip install -r requirements.txt
pytest   # does PyTorch compute what Unfold did?
~~~

~~~python
from safetensors.torch import load_file

from model import ${className}

model = ${className}()
model.load_state_dict(load_file("weights.safetensors"))
model.eval()
~~~

The names of the weights are Unfold's, so that what is trained here loads there: ~loadWeights~ reads what this writes.

~~~python
from safetensors.torch import save_file

weights = {name: value.clone() for name, value in model.state_dict().items()}
save_file(weights, "trained.safetensors")
~~~
`.replaceAll('~', '`');

/** README.md of the project. */
export const readme = (facts: ReadmeFacts): string =>
  // Backticks would end the template.
  text(facts).replaceAll('~', '`');

const text = (facts: ReadmeFacts): string => file`
# ${facts.className} in PyTorch

A model that Unfold trained, as a project of PyTorch that trains it on. The code is yours: nothing in it needs Unfold.

~~~sh
pip install -r requirements.txt
pytest              # does PyTorch compute what Unfold did?
python train.py     # trains on
~~~

${standing(facts)}
~python train.py --epochs N~ begins a new run of N epochs with the same schedule, from the newest weights: those of
~trained.safetensors~, if it is there. ~--fresh~ begins one from PyTorch's own initial weights.

A run writes ~checkpoint.pt~ after every epoch, with ~--checkpoint-every N~ also after every N steps, and when
SIGINT or SIGTERM stops it (exit code 130 or 143). The same command goes on from it; delete it to begin another run.
~--amp~ computes in bfloat16 where that is safe; ~--device~ and ~--threads~ say on what.

| file | what it holds |
|---|---|
| ~model.py~, ~weights.safetensors~ | the network, and its weights where the run stood |
| ~train.py~, ~optimizer.safetensors~ | the training, and the state of the optimiser and the schedule |
| ~data.py~, ~data.safetensors~ | batches in Unfold's order, and the images and labels |
${facts.hasEMA && '| ~ema.safetensors~ | the average of the weights |'}
| ~test_parity.py~, ~parity.safetensors~ | the comparison, and Unfold's numbers |

## On many processes and machines

All of these start the same script. It reads RANK, LOCAL_RANK and WORLD_SIZE and shares every batch among the
processes, so that a batch stays as large as it was. GPUs speak NCCL, CPUs Gloo.

One machine:

~~~sh
torchrun --nproc-per-node 4 train.py
~~~

Two machines that share this folder; on each of them, with the address of the first:

~~~sh
torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29500 train.py
~~~

With ~--max-restarts 3~ torchrun starts all processes again where one has died, and they go on from the checkpoint.

SLURM, in a batch script with ~--nodes~ and ~--ntasks-per-node=1~:

~~~sh
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun torchrun --nnodes "$SLURM_NNODES" --nproc-per-node 4 --rdzv-id "$SLURM_JOB_ID" \
  --rdzv-backend c10d --rdzv-endpoint "$head:29500" train.py
~~~

Accelerate:

~~~sh
accelerate launch --num_processes 4 train.py
~~~

Ray Train, from a program in this folder, which its workers have to find:

~~~python
from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer


def loop() -> None:
    import train

    train.main([])


TorchTrainer(loop, scaling_config=ScalingConfig(num_workers=4)).fit()
~~~

## What is the same, and what differs

- Optimiser, schedule and loss are PyTorch's, with the state that they had, and batches come in the order that Unfold
  would have drawn.
${
  facts.hasLosses &&
  part`
- On one process and a CPU, the next losses are Unfold's within 2e-5. Later they part: every library rounds float32 in
  its own way, and two runs of PyTorch on two machines part likewise.
`
}
${
  facts.hasAugmentation &&
  part`
- Images are changed by torchvision: within the same ranges, by other random numbers. Unlike Unfold, it rounds moves to
  whole pixels, resamples after each of several changes, reflects an elastic field at the border, and erases with
  normal noise where the value is random.
`
}
- Callbacks stay behind, and early stopping with them: a run here ends after its last epoch.
${facts.isRandom && '- The model draws random numbers, as for dropout: others than in Unfold.'}
${
  facts.hasBatchNorm &&
  part`
- Each process normalises by the statistics of its own images. On GPUs,
  ~torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)~ takes those of the whole batch. A last batch of fewer images
  than twice the processes leaves one of them a single image, of which batch norm may learn nothing and fail.
`
}
${facts.hasEMA && '- Counts of batches in the averaged state are averaged too; nothing depends on them.'}
${facts.hasOneCycle && '- What OneCycleLR sets after the very last step differs; no step uses it.'}

## Back to Unfold

The end of a run writes ~trained.safetensors~${facts.hasEMA ? ', the averaged weights' : ''}. ~loadModel~ and ~loadWeights~ read it into Unfold's model, and so do the
commands where they know the model by its name:

~~~sh
unfold evaluate --checkpoint trained.safetensors
unfold export --checkpoint trained.safetensors model.onnx
~~~
`;

function standing({ epochs, position: { epoch, batch, step } }: ReadmeFacts): string {
  if (epoch > epochs)
    return `The run had finished in Unfold, after ${step} steps: train.py says so.`;
  if (step === 0) return `The run, of ${epochs} epochs, had not begun in Unfold.`;
  return `The run stands in epoch ${epoch} of ${epochs}, after ${batch} batches of it and ${step} steps in all.`;
}
