import type { Tensor } from '@unfold/core';
import type { Parity } from './facts.js';
import { part, file } from './template.js';

/** What test_parity.py compares. */
export interface ParityFacts {
  readonly className: string;
  /** How many tensors the model takes. */
  readonly inputs: number;
  /** Whether it gives one tensor, in no list or object. */
  readonly isOne: boolean;
  /** How many losses of next steps there are, and why there are none; null where there is no training. */
  readonly losses: { readonly count: number; readonly reason: string } | null;
}

/** Under which names parity.safetensors has what the model takes and gives. */
export function parityTensors({ inputs, outputs }: Parity): [name: string, tensor: Tensor][] {
  const named = (what: string, tensors: readonly Tensor[]): [string, Tensor][] =>
    tensors.map((tensor, i) => [`${what}${i}`, tensor]);
  return [...named('input', inputs), ...named('output', outputs)];
}

/** test_parity.py: PyTorch's numbers held against Unfold's. */
export function parityScript({ className, inputs, isOne, losses }: ParityFacts): string {
  const given = Array.from({ length: inputs }, (_, i) => `parity["input${i}"]`).join(', ');
  const outputs = isOne ? `[model(${given})]` : `list(leaves(model(${given})))`;
  const compared =
    losses && (losses.count > 0 ? compareLosses(losses.count) : skipLosses(losses.reason));
  return file`
"""Holds what PyTorch computes against what Unfold did: pytest, or python test_parity.py."""

import sys
${!isOne && 'from collections.abc import Iterator'}
from pathlib import Path
${!isOne && 'from typing import Any'}

import pytest
import torch
from safetensors.torch import load_file

from model import ${className}
${losses !== null && losses.count > 0 && 'from train import Run'}

FOLDER = Path(__file__).parent


${!isOne && [...LEAVES.split('\n'), '', '']}
def test_outputs() -> None:
    """What the model gives differs by at most 1e-5 of the largest finite number, integers by none."""
    parity = load_file(FOLDER / "parity.safetensors")
    model = ${className}()
    model.load_state_dict(load_file(FOLDER / "weights.safetensors"))
    model.eval()
    with torch.no_grad():
        outputs = ${outputs}
    assert f"output{len(outputs)}" not in parity
    for i, output in enumerate(outputs):
        expected = parity[f"output{i}"]
        bound = 0.0
        if expected.is_floating_point():
            finite = expected[expected.isfinite()]
            bound = 1e-5 * finite.abs().max().item() if len(finite) > 0 else 0.0
        torch.testing.assert_close(output, expected, rtol=0, atol=bound, equal_nan=True)
${compared !== null && ['', '', ...compared.split('\n')]}


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-v"]))
`;
}

const LEAVES = part`
def leaves(outputs: Any) -> Iterator[torch.Tensor]:
    """The tensors in tuples and dicts, one after another."""
    if isinstance(outputs, torch.Tensor):
        yield outputs
    elif isinstance(outputs, (list, tuple, dict)):
        for part in outputs.values() if isinstance(outputs, dict) else outputs:
            yield from leaves(part)


`;

const compareLosses = (losses: number): string => part`
def next_losses(count: int, threads: int) -> torch.Tensor:
    """The losses of the next steps, without oneDNN, whose convolutions round in their own way."""
    torch.set_num_threads(threads)
    losses: list[float] = []
    with torch.backends.mkldnn.flags(enabled=False):
        run = Run(torch.device("cpu"))
        while len(losses) < count:
            for loss in run.train_epoch():
                losses.append(loss)
                if len(losses) == count:
                    break
            else:
                run.end_epoch()
    return torch.tensor(losses, dtype=torch.float64)


def test_losses() -> None:
    """The losses of the next ${losses} steps differ by at most 2e-5 of theirs, or by 1e-6.

    On one thread or on two: a maximum that was almost a tie may fall the other way on another
    number of threads, and leads PyTorch's own losses apart.
    """
    expected = load_file(FOLDER / "parity.safetensors")["losses"]
    got = next_losses(len(expected), threads=1)
    if not torch.allclose(got, expected, rtol=2e-5, atol=1e-6):
        got = next_losses(len(expected), threads=2)
    torch.testing.assert_close(got, expected, rtol=2e-5, atol=1e-6)
`;

const skipLosses = (reason: string): string => part`
def test_losses() -> None:
    """The losses of the next steps: there are none to compare."""
    pytest.skip("${reason}")
`;
