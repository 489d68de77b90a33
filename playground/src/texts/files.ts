/** What a file is that isn't one of weights as the page takes them, and what to give instead. */
export const FILE_TEXTS = {
  /** @param what One of `kinds`. */
  other: (file: string, what: string, hint: string) => `${file} is ${what}. ${hint}`,
  kinds: {
    nothing: 'empty',
    onnx: 'an ONNX model',
    pytorch: 'a file of PyTorch (.pt, .pth)',
    pickle: 'a Python pickle, perhaps an old file of PyTorch (.pt, .pth)',
    npz: 'an archive of NumPy (.npz)',
    npy: 'an array of NumPy (.npy)',
    keras: 'a model of Keras (.keras, .h5)',
    tfjs: 'the JSON of a TensorFlow.js model',
    tflite: 'a TensorFlow Lite model',
    gguf: 'a GGUF model',
    zip: 'a zip archive',
    gzip: 'compressed by gzip',
    pdf: 'a PDF',
    image: 'a picture',
    pointer: 'a pointer of Git LFS, in place of the file itself',
    page: 'a web page, perhaps in place of the file that was to be downloaded',
    json: 'a JSON file',
    text: 'a text',
  },
  hints: {
    weights:
      'Choose weights that this page has saved (.safetensors), or a checkpoint or model of unfold train mnist.',
    unpack: 'Unpack it, and choose the .safetensors file in it.',
    download: 'Download the file itself, and choose that.',
    picture: 'Under Draw, a picture of a digit can be read. Here, choose a .safetensors file.',
  },
} as const;
