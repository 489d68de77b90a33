import { heapStats } from '@unfold/core';
import { describe, expect, it } from 'vitest';
import { ENGINE, EXPERIMENT, firstDigits, labOf } from './lab-under-test.js';

// In a file of its own: what other tests leave to the garbage collector is on the same heap.
const digits = await firstDigits(640, 200);
const digit = digits.test.images.slice(0, 784);

describe('the memory of a lab', () => {
  it('is given back: runs, looks, files and timings leave nothing behind', async () => {
    const { lab } = labOf(digits);
    await lab.create(EXPERIMENT, ENGINE);
    const file = await lab.safetensors();
    const round = async (): Promise<object> => {
      await lab.create({ ...EXPERIMENT, augmentation: 'affine' }, ENGINE);
      await lab.advance(5);
      await lab.look(digit, { layers: true, explain: 'gradient' });
      await lab.look(digit, { layers: true, explain: 'occlusion' });
      lab.convolution(4, digit, 1);
      lab.parameters();
      await lab.validate();
      await lab.onnx();
      await lab.pytorch();
      await lab.load(file, 'a.safetensors');
      await expect(lab.load(file.slice(0, 100), 'b.safetensors')).rejects.toThrow();
      await lab.advance(5);
      await lab.time(EXPERIMENT, ENGINE, 1);
      const { usedBytes, liveTensors } = heapStats();
      return { usedBytes, liveTensors };
    };
    await round();
    const held = await round();
    expect(await round()).toEqual(held);
    expect(await round()).toEqual(held);
  });
});
