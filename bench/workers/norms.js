/**
 * Channels of the nets' batch normalisations, which start with weights of 1 and biases of 0.
 * @type {Readonly<Record<string, Readonly<Record<string, number>>>>}
 */
export const NET_NORMS = {
  'lenet-bn': { norm1: 16, norm2: 32 },
  resnet: {
    bn1: 16,
    'layer1.bn1': 16,
    'layer1.bn2': 16,
    'layer2.bn1': 32,
    'layer2.bn2': 32,
    'layer2.downsample.1': 32,
  },
};
