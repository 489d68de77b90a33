import { Conv2d, init } from '@unfold/nn';

/**
 * A convolution without bias, as one before batch normalisation is, which keeps the size but for the
 * stride. Its weights are normal by He's rule for what goes out, as torchvision's.
 * @param kernelSize An odd number.
 */
export function convolution(
  inChannels: number,
  outChannels: number,
  kernelSize: number,
  options: { readonly stride?: number; readonly groups?: number } = {},
): Conv2d {
  const padding = (kernelSize - 1) / 2;
  const conv = new Conv2d(inChannels, outChannels, kernelSize, {
    ...options,
    padding,
    bias: false,
  });
  init.kaimingNormal(conv.weight, { mode: 'fanOut', nonlinearity: 'relu' });
  return conv;
}
