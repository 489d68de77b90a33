import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { full, ones, Scope, ShapeError } from '@unfold/core';
import { loadTfjsLayersModel } from '@unfold/tfjs';
import { describe, expect, it } from 'vitest';
import { copyFixture, edit, failure, makeCopies, refuse } from '../support/tfjs/fixture.js';

makeCopies();

describe('weights and layers that do not fit', () => {
  refuse({
    'another shape': [
      ({ weight }) => (weight('dense/kernel')['shape'] = [36, 10]),
      "~/model.json: layer 'dense' (Dense): expects tensor 'dense/kernel' [72,5], got " +
        '[36,10]; the weights are of another model: save model and weights together',
    ],
    integers: [
      ({ weight }) => (weight('dense/bias')['dtype'] = 'int32'),
      "~/model.json: layer 'dense' (Dense): expects tensor 'dense/bias' of float32, got " +
        'int32; cast it and save again',
    ],
    'a layer without weights': [
      ({ weight }) => (weight('dense/bias')['name'] = 'dense_9/bias'),
      "~/model.json: layer 'dense' (Dense): tensor 'dense/bias' [5] is missing; weights " +
        "without a layer: 'dense_9/bias'. Save model and weights together",
    ],
    'weights without a layer': [
      ({ layer }) => (layer('dense').config['use_bias'] = false),
      "~/model.json: tensor 'dense/bias' [5] belongs to no layer; the weights are of " +
        'another model: save model and weights together',
    ],
  });
});

describe('topologies that are no chain', () => {
  refuse({
    'two inputs': [
      ({ layer }) =>
        (layer('dense').inbound_nodes = [
          [
            ['dropout', 0, 0, {}],
            ['flatten', 0, 0, {}],
          ],
        ]),
      "~/model.json: inbound_nodes of layer 'dense' (Dense): expected one tensor, got " +
        '[["dropout",0,0,{}],["flatten",0,0,{}]]; Unfold loads a chain of layers, each with ' +
        'one input and one output: split the model, or write it as a Module and load the ' +
        'parts',
    ],
    'a layer used twice': [
      ({ layer }) =>
        (layer('dense').inbound_nodes = [[['dropout', 0, 0, {}]], [['flatten', 0, 0, {}]]]),
      "~/model.json: inbound_nodes of layer 'dense' (Dense): expected one use of the layer, " +
        'got 2; Unfold loads a chain of layers, each with one input and one output: split the ' +
        'model, or write it as a Module and load the parts',
    ],
    'a layer that leads to itself': [
      ({ layer }) => (layer('conv2d').inbound_nodes = [[['dense', 0, 0, {}]]]),
      "~/model.json: the layers form no chain: 'dense' is not there, or leads to itself; " +
        'save the model again',
    ],
    'a layer that is not there': [
      ({ layer }) => (layer('conv2d').inbound_nodes = [[['elsewhere', 0, 0, {}]]]),
      "~/model.json: the layers form no chain: 'elsewhere' is not there, or leads to " +
        'itself; save the model again',
    ],
    'a branch': [
      ({ layer }) => (layer('dense').inbound_nodes = [[['flatten', 0, 0, {}]]]),
      "~/model.json: layer 'dropout' is not on the way from the input to the output " +
        "'dense'; Unfold loads a chain of layers, each with one input and one output: split " +
        'the model, or write it as a Module and load the parts',
    ],
    'two outputs': [
      ({ model }) =>
        (model.config.output_layers = [
          ['dense', 0, 0],
          ['flatten', 0, 0],
        ]),
      '~/model.json: output_layers: expected one tensor, got ' +
        '[["dense",0,0],["flatten",0,0]]; Unfold loads a chain of layers, each with one input ' +
        'and one output: split the model, or write it as a Module and load the parts',
    ],
    'two inputs of the model': [
      ({ model }) =>
        (model.config.input_layers = [
          ['input_1', 0, 0],
          ['input_2', 0, 0],
        ]),
      '~/model.json: input_layers: expected one tensor, got ' +
        '[["input_1",0,0],["input_2",0,0]]; Unfold loads a chain of layers, each with one ' +
        'input and one output: split the model, or write it as a Module and load the parts',
    ],
    'names that are there twice': [
      ({ layer }) => (layer('flatten').name = 'dropout'),
      "~/model.json: two layers are named 'dropout'; save the model again",
    ],
    'parameters of one name': [
      ({ model, layer }) => {
        model.class_name = 'Sequential';
        layer('flatten').name = 'dropout';
      },
      "~/model.json: two layers are named 'dropout'; give each its own name and save again",
    ],
    'no class': [
      ({ layer }) => Object.assign(layer('flatten'), { class_name: null }),
      '~/model.json: layer #5 has no class_name or no name, got ' +
        '{"class_name":null,"config":{"name":"flatten","trainable":true,"dtype":"float32"…; ' +
        'save the model again',
    ],
    'no config': [
      ({ layer }) => Object.assign(layer('flatten'), { config: null }),
      "~/model.json: layer 'flatten' has no config, got null; save the model again",
    ],
  });
});

describe('layers that Unfold does not have, or not so', () => {
  refuse({
    'another kind of layer': [
      (editor) => editor.append('LSTM', { units: 3 }),
      "~/model.json: layer 'added' (LSTM): Unfold has no such layer; it has InputLayer, " +
        'Conv2D, DepthwiseConv2D, Conv2DTranspose, Dense, MaxPooling2D, ZeroPadding2D, ' +
        'Flatten, Reshape, Activation, ReLU, LeakyReLU, Softmax, Dropout, AlphaDropout, ' +
        'GaussianDropout, GaussianNoise. Rebuild the model with these, or load the part ' +
        'before and write the rest as a Module',
    ],
    'batch normalisation': [
      (editor) => editor.append('BatchNormalization'),
      "~/model.json: layer 'added' (BatchNormalization): Unfold has no such layer; it has " +
        'InputLayer, Conv2D, DepthwiseConv2D, Conv2DTranspose, Dense, MaxPooling2D, ' +
        'ZeroPadding2D, Flatten, Reshape, Activation, ReLU, LeakyReLU, Softmax, Dropout, ' +
        'AlphaDropout, GaussianDropout, GaussianNoise. Rebuild the model with these, or load ' +
        'the part before and write the rest as a Module',
    ],
    'another activation': [
      (editor) => editor.append('Activation', { activation: 'selu' }),
      `~/model.json: layer 'added' (Activation): activation "selu" is none that Unfold has: ` +
        'linear, relu, relu6, elu, sigmoid, hard_sigmoid, tanh, softsign, softmax, ' +
        'log_softmax, swish, gelu; leave it out of the saved model and apply it to the output ' +
        'yourself',
    ],
    'an activation of another kind': [
      ({ layer }) => (layer('dense').config['activation'] = {}),
      "~/model.json: layer 'dense' (Dense): activation {} is none that Unfold has: linear, " +
        'relu, relu6, elu, sigmoid, hard_sigmoid, tanh, softsign, softmax, log_softmax, ' +
        'swish, gelu; leave it out of the saved model and apply it to the output yourself',
    ],
    'a softmax along another axis': [
      (editor) => editor.append('Softmax', { axis: 0 }),
      "~/model.json: layer 'added' (Softmax): axis must be the last, -1 or 1, as in " +
        'TensorFlow.js, got 0; correct it in the file',
    ],
    'what TensorFlow.js ignores': [
      ({ layer }) => (layer('re_lu').config['threshold'] = 1),
      "~/model.json: layer 're_lu' (ReLU): threshold is 1, which TensorFlow.js ignores and " +
        'Keras does not; set it to 0 in the file to get what TensorFlow.js computes',
    ],
    'a depthwise dilation, which it ignores too': [
      ({ layer }) => (layer('depthwise_conv2d').config['dilation_rate'] = [2, 2]),
      "~/model.json: layer 'depthwise_conv2d' (DepthwiseConv2D): dilation_rate is [2,2], " +
        'which TensorFlow.js ignores and Keras does not; set it to 1 in the file to get what ' +
        'TensorFlow.js computes',
    ],
    'images after Flatten': [
      (editor) => editor.append('MaxPooling2D'),
      "~/model.json: layer 'added' (MaxPooling2D): expects images, got tensors [N,5]; put a " +
        'Reshape before it',
    ],
    'two orders of axes': [
      ({ layer }) => (layer('max_pooling2d').config['data_format'] = 'channels_first'),
      "~/model.json: layer 'max_pooling2d' (MaxPooling2D): data_format is channels_first, " +
        'that of a layer before it channels_last; use one',
    ],
    'a Flatten of the other order': [
      ({ layer }) => (layer('flatten').config['data_format'] = 'channels_first'),
      "~/model.json: layer 'flatten' (Flatten): data_format channels_first fits images of " +
        'such a model only; leave it out',
    ],
    'an unknown size before Flatten': [
      ({ layer }) => (layer('input_1').config['batch_input_shape'] = [null, null, 8, 2]),
      "~/model.json: layer 'flatten' (Flatten): expects a known size; save the model with " +
        'its whole input shape',
    ],
    'an unknown number of channels': [
      ({ layer }) => (layer('input_1').config['batch_input_shape'] = [null, 9, 8, null]),
      "~/model.json: layer 'conv2d' (Conv2D): expects images with a known number of " +
        'channels; save the model with its whole input shape',
    ],
    'no input shape': [
      ({ layer }) => delete layer('input_1').config['batch_input_shape'],
      '~/model.json: the first layer has no batch_input_shape; give the first layer an ' +
        'inputShape and save the model again',
    ],
    'an input shape of nothing': [
      ({ layer }) => (layer('input_1').config['batch_input_shape'] = [0]),
      "~/model.json: layer 'input_1' (InputLayer): batch_input_shape must be a list of the " +
        'batch axis and at least another, at most 64 in all, got [0]; correct it in the file',
    ],
    'an input shape of 65 axes': [
      ({ layer }) => (layer('input_1').config['batch_input_shape'] = new Array(65).fill(1)),
      "~/model.json: layer 'input_1' (InputLayer): batch_input_shape must be a list of the " +
        `batch axis and at least another, at most 64 in all, got [${'1,'.repeat(39)}1…; correct it ` +
        'in the file',
    ],
    'an input shape of texts': [
      ({ layer }) => (layer('input_1').config['batch_input_shape'] = [null, 'a']),
      "~/model.json: layer 'input_1' (InputLayer): batch_input_shape must be a list of " +
        'positive integers and null, got [null,"a"]; correct it in the file',
    ],
    'a kernel larger than the image': [
      ({ layer }) =>
        Object.assign(layer('max_pooling2d').config, { pool_size: 9, padding: 'valid' }),
      "~/model.json: layer 'max_pooling2d' (MaxPooling2D): its window of 9 pixels, 1 apart, " +
        'does not fit into 5 pixels; use larger images or a smaller window',
    ],
    'groups that do not divide': [
      ({ layer }) => (layer('conv2d').config['groups'] = 4),
      "~/model.json: layer 'conv2d' (Conv2D): 2 input channels and 6 filters must both be " +
        'divisible by groups = 4; correct it in the file',
    ],
    'a padding that is none': [
      ({ layer }) => (layer('conv2d').config['padding'] = 'causal'),
      "~/model.json: layer 'conv2d' (Conv2D): padding must be one of valid, same, got " +
        '"causal"; correct it in the file',
    ],
    'a stride of 0': [
      ({ layer }) => (layer('conv2d').config['strides'] = [0, 1]),
      "~/model.json: layer 'conv2d' (Conv2D): strides must be a positive integer or two of " +
        'them, got [0,1]; correct it in the file',
    ],
    'three strides': [
      ({ layer }) => (layer('conv2d').config['strides'] = [1, 1, 1]),
      "~/model.json: layer 'conv2d' (Conv2D): strides must be a positive integer or two of " +
        'them, got [1,1,1]; correct it in the file',
    ],
    'half a filter': [
      ({ layer }) => (layer('conv2d').config['filters'] = 5.5),
      "~/model.json: layer 'conv2d' (Conv2D): filters must be a positive integer, got 5.5; " +
        'correct it in the file',
    ],
    'a bias that may be': [
      ({ layer }) => (layer('conv2d').config['use_bias'] = 'perhaps'),
      "~/model.json: layer 'conv2d' (Conv2D): use_bias must be true or false, got " +
        '"perhaps"; correct it in the file',
    ],
    'a slope that is none': [
      (editor) => editor.append('LeakyReLU', { alpha: 'steep' }),
      `~/model.json: layer 'added' (LeakyReLU): alpha must be a number, got "steep"; ` +
        'correct it in the file',
    ],
    'a negative zero padding': [
      ({ layer }) =>
        Object.assign(layer('re_lu'), {
          class_name: 'ZeroPadding2D',
          config: {
            name: 'pad',
            padding: [
              [1, -1],
              [0, 0],
            ],
          },
        }),
      "~/model.json: layer 're_lu' (ZeroPadding2D): padding must be an integer of at least " +
        '0, two, or two pairs of them, got [[1,-1],[0,0]]; correct it in the file',
    ],
    'an unknown size before Reshape': [
      ({ layer }) => {
        layer('input_1').config['batch_input_shape'] = [null, null, 8, 2];
        Object.assign(layer('flatten'), { class_name: 'Reshape' });
        Object.assign(layer('flatten').config, { target_shape: [-1] });
      },
      "~/model.json: layer 'flatten' (Reshape): expects a known size; save the model with " +
        'its whole input shape',
    ],
    'a Reshape to another size': [
      (editor) => editor.append('Reshape', { target_shape: [2, 3] }),
      "~/model.json: layer 'added' (Reshape): target_shape must be a shape of 5 elements, " +
        'at most one size left open and 63 sizes in all, got [2,3]; correct it in the file',
    ],
    'a Reshape with two open sizes': [
      (editor) => editor.append('Reshape', { target_shape: [-1, -1] }),
      "~/model.json: layer 'added' (Reshape): target_shape must be a shape of 5 elements, " +
        'at most one size left open and 63 sizes in all, got [-1,-1]; correct it in the file',
    ],
    'a Reshape to 64 sizes': [
      (editor) => editor.append('Reshape', { target_shape: [5, ...new Array<number>(63).fill(1)] }),
      "~/model.json: layer 'added' (Reshape): target_shape must be a shape of 5 elements, " +
        `at most one size left open and 63 sizes in all, got [5,${'1,'.repeat(38)}1…; correct it in ` +
        'the file',
    ],
  });
});

describe('docs/tfjs-models.md', () => {
  const text = readFileSync(new URL('../../docs/tfjs-models.md', import.meta.url), 'utf8');
  /** The names in backticks that stand between two texts. */
  const namesIn = (start: string, end: string, name: RegExp): unknown[] => {
    const part = text.slice(text.indexOf(start), text.indexOf(end));
    return [...part.matchAll(name)].map((found) => found[1]);
  };
  /** The names that the message lists between two texts. */
  const listed = async (class_name: string, start: string, end: string): Promise<unknown[]> => {
    const folder = await copyFixture();
    await edit(folder, (editor) => editor.append(class_name, { activation: 'selu' }));
    const message = String(await failure(folder));
    return message.slice(message.indexOf(start) + start.length, message.indexOf(end)).split(', ');
  };

  it('lists the layers that Unfold has', async () => {
    const inDocument = namesIn('| what it becomes', 'Activations, ', /^\| `(\w+)`/gm);
    expect(inDocument).toEqual(await listed('LSTM', 'it has ', '. Rebuild'));
  });

  it('lists the activations that Unfold has', async () => {
    const inDocument = namesIn('of a layer: ', 'Anything else', /`(\w+)`/g);
    expect(inDocument).toEqual(await listed('Activation', 'Unfold has: ', '; leave it out'));
  });
});

describe('a dilation far beyond the images', () => {
  const dilated = async (dilation: number) => {
    const folder = await copyFixture();
    await edit(folder, ({ layer }) => {
      layer('conv2d').config['dilation_rate'] = [dilation, 1];
    });
    return loadTfjsLayersModel(join(folder, 'model.json'));
  };

  it('gives what its taps on the padding give, and harms no other tensor', async () => {
    const [near, far] = [await dilated(20), await dilated(2 ** 29)];
    using scope = new Scope();
    const other = full([4096], 5);
    const x = ones([1, 2, 9, 8]);
    expect(far.forward(x).toArray()).toEqual(near.forward(x).toArray());
    expect(other.toTypedArray().every((value) => value === 5)).toBe(true);
    scope.close();
  });

  it('is refused by name where it does not fit into 32 bits', async () => {
    const model = await dilated(2 ** 31);
    using scope = new Scope();
    expect(() => model.forward(ones([1, 2, 9, 8]))).toThrow(
      new ShapeError(
        'conv2d: expected integers of 0 … 2^31 - 1, got the padding = 2147483648; use smaller sizes',
      ),
    );
    scope.close();
  });
});
