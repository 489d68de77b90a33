import { atom, dict, list, statement, type Expression } from '../python.js';
import { runClass, takesLength } from './run-class.js';
import { mainFunction, PROCESSES } from './main-function.js';
import type { TrainFacts } from './train-facts.js';
import { file, part, statementAt } from './template.js';

/** train.py: the training, and all that it takes to interrupt it and to share it among processes. */
export function trainScript(facts: TrainFacts): string {
  const { className, position, epochs, accumulate, ema } = facts;
  const { stepSchedule, epochSchedule } = facts;
  const isAccumulating = accumulate > 1;
  const isEvaluating = facts.hasValidation || facts.hasTest;
  const hasSchedule = stepSchedule !== null || epochSchedule !== null;
  const fromData = [
    ...(facts.order ? ['Shuffle'] : []),
    'count_batches',
    ...(isEvaluating ? ['evaluation_batches'] : []),
    'load_data',
    'training_batches',
  ];
  const names = [...(facts.isNormalized ? ['MEAN', 'STD'] : []), ...fromData];
  const functions = [
    ...(stepSchedule ? [scheduleFunction('step', stepSchedule)] : []),
    ...(epochSchedule ? [scheduleFunction('epoch', epochSchedule)] : []),
    runClass(facts),
    PROCESSES,
    mainFunction(facts),
  ];
  return file`
"""Trains ${className} on, from where its run stood in Unfold.

python train.py                        goes on; where it was interrupted, from checkpoint.pt
python train.py --epochs 2             a new cycle of 2 epochs, from these weights
python train.py --fresh                a new run, from PyTorch's own initial weights
torchrun --nproc-per-node 2 train.py   the same batches, each shared by two processes
"""

import argparse
import gc
import json
${isAccumulating && takesLength(stepSchedule, 'steps') && 'import math'}
import os
import signal
import sys
import threading
from collections.abc import Iterator
${isAccumulating && 'from contextlib import nullcontext'}
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer${hasSchedule ? ', lr_scheduler' : ''}
${ema && 'from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn'}

${statement('from data import ', atom(names.join(', ')))}
from model import ${className}

FOLDER = Path(__file__).parent
CHECKPOINT = FOLDER / "checkpoint.pt"
# Beside the weights that are saved at the end, for Unfold.
${statement('METADATA = ', dict(facts.metadata))}

EPOCHS = ${epochs}
${isAccumulating && ['# Batches whose gradients make one step.', `ACCUMULATE = ${accumulate}`]}
# Where the run stood in Unfold: the epoch in hand, its batches that were done, and all steps.
POSITION = (${position.epoch}, ${position.batch}, ${position.step})
${facts.order && ['# The state of the generator that the order of that epoch is drawn from.', `ORDER = (${facts.order.join(', ')})`]}

${facts.ownState.length > 0 && ['# What no layer of PyTorch gives initial values to: a fresh run takes it as Unfold has it.', ...statement('OWN_STATE = ', list(facts.ownState))]}

# torchrun says which of how many processes this one is.
RANK = int(os.environ.get("RANK", "0"))
WORLD = int(os.environ.get("WORLD_SIZE", "1"))


def make_optimizer(model: nn.Module) -> Optimizer:
    """The optimiser as it was when the run began."""
    ${facts.optimizer}


${functions.join('\n\n\n')}


if __name__ == "__main__":
    sys.exit(main())
`;
}

/** The function that makes a schedule, which is stepped after each step, or each epoch. */
function scheduleFunction(when: 'step' | 'epoch', made: Expression): string {
  const length = takesLength(made, `${when}s`) ? `, ${when}s: int` : '';
  // It alone is stepped with a metric.
  const watching = 'lr_scheduler.ReduceLROnPlateau';
  const type = made.text.startsWith(watching) ? watching : 'lr_scheduler.LRScheduler';
  return part`
def make_${when}_schedule(optimizer: Optimizer${length}) -> ${type}:
    """The schedule of the learning rate, to be stepped after every ${when}."""
    ${statementAt(4, 'return ', made)}
`;
}
