import {
  add,
  ConfigError,
  div,
  full,
  linspace,
  matmul,
  mul,
  Parameter,
  relu,
  reshape,
  Tensor,
  tensor,
  zeros,
} from '@unfold/core';
import { decodeSafetensors } from '@unfold/io';
import {
  BatchNorm1d,
  Conv2d,
  dropout,
  Dropout,
  Identity,
  linear,
  Linear,
  Module,
  ReLU,
  Sequential,
} from '@unfold/nn';
import { eject, type Ejectable, type EjectOptions } from '@unfold/torch';
import { describe, expect, it } from 'vitest';

const X = zeros([2, 4]);

/** A module that computes what a function does. */
class Of extends Module {
  readonly fc = new Linear(4, 4);
  readonly #compute: (this: Of, ...given: Tensor[]) => unknown;

  constructor(compute: (this: Of, ...given: Tensor[]) => unknown) {
    super();
    this.#compute = compute;
  }

  forward(...given: Tensor[]): unknown {
    return this.#compute(...given);
  }
}

function modelText(
  model: Ejectable,
  example: Tensor | Tensor[] = X,
  options?: EjectOptions,
): string {
  return String(eject(model, example, options).get('model.py'));
}

/** The lines of the last forward. */
function forwardOf(...given: Parameters<typeof modelText>): string[] {
  const [, last = ''] = modelText(...given)
    .split(/def forward\(/)
    .slice(-2);
  return last
    .split('\n')
    .slice(1, -1)
    .map((line) => line.trim());
}

/** The message of what is thrown. */
function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return String((error as Error).message);
  }
  throw new Error('nothing was thrown');
}

describe('the forward of a model', () => {
  it('has a line for each layer, and takes in what is used once', () => {
    const model = new Of(function (x) {
      const h = relu(this.fc.forward(x));
      return add(this.fc.forward(h), h);
    });
    expect(forwardOf(model)).toEqual(['x = F.relu(self.fc(x))', 'return self.fc(x) + x']);
  });

  it('leaves out what nothing needs', () => {
    const model = new Of(function (x) {
      mul(this.fc.forward(x), 2);
      return relu(x);
    });
    expect(forwardOf(model)).toEqual(['return F.relu(x)']);
  });

  it('computes nothing twice', () => {
    const model = new Of((x) => reshape(relu(add(x, 1)), [x.shape[0] ?? 0, 2, 2]));
    expect(forwardOf(model)).toEqual(['x = F.relu(x + 1)', 'return x.reshape(x.shape[0], 2, 2)']);
  });

  it('has the mode that an operation is given', () => {
    const model = new Of(function (x) {
      const h = dropout(x, { p: 0.5, training: this.training });
      return dropout(dropout(h, { p: 0.25, training: false }), { p: 0.125, training: true });
    });
    const text = forwardOf(model).join(' ');
    for (const mode of ['training=self.training', 'p=0.25, training=False', 'p=0.125']) {
      expect(text).toContain(mode);
    }
    const turned = new Of(function (x) {
      return dropout(x, { p: 0.5, training: !this.training });
    });
    expect(thrown(() => eject(turned, X))).toContain('on in evaluation alone');
  });

  it('has one constant for all that are alike, and fills those of one number', () => {
    class Part extends Module {
      forward(x: Tensor): Tensor {
        return add(mul(x, full([4, 5, 4], 2)), reshape(linspace(0, 1, 20), [5, 4]));
      }
    }
    const model = new Sequential(new Part(), new Part());
    const text = modelText(model, zeros([2, 4, 5, 4]));
    expect(text.match(/class Part/g)).toHaveLength(1);
    expect(text).toContain('torch.full((4, 5, 4), 2.0)');
    expect(text.match(/CONSTANTS\["constant0"\]/g)).toHaveLength(1);
  });

  it('gives and takes several tensors', () => {
    const model = new Of((a, b) => ({ sum: add(a, b), both: [a, b] }));
    expect(forwardOf(model, [X, X])).toEqual(['return {"sum": x0 + x1, "both": (x0, x1)}']);
  });

  it('gives a tensor that nothing changed', () => {
    expect(forwardOf(new Of((x) => x))).toEqual(['return x']);
    const same = new (class extends Module {
      readonly identity = new Identity();
      forward(x: Tensor): Tensor {
        return this.identity.forward(x);
      }
    })();
    expect(forwardOf(same)).toEqual(['return self.identity(x)']);
  });
});

describe('a project', () => {
  it('has the weights, and says beside them what they are of', () => {
    const model = new Of(function (x) {
      return this.fc.forward(x);
    });
    const normalization = { mean: [0.5], std: [0.25] };
    const project = eject(model, X, { name: 'mine', normalization, classes: ['a', 'b', 'c', 'd'] });
    const bytes = project.get('weights.safetensors');
    if (!(bytes instanceof Uint8Array)) throw new Error('no bytes');
    const { state, metadata } = decodeSafetensors(bytes);
    expect([...state.keys()]).toEqual(['fc.weight', 'fc.bias']);
    expect(state.get('fc.weight')?.toArray()).toEqual(model.fc.weight.toArray());
    expect(metadata).toEqual({
      model: 'mine',
      normalization: JSON.stringify(normalization),
      classes: '["a","b","c","d"]',
    });
  });

  it('has constants of many numbers in a file', () => {
    const many = linspace(0, 1, 40);
    const model = new Of((x) => add(reshape(x, [-1, 4, 1]), many));
    const project = eject(model, X);
    expect(project.get('model.py')).toContain(
      'self.register_buffer("constant0", CONSTANTS["constant0"], persistent=False)',
    );
    const bytes = project.get('constants.safetensors');
    if (!(bytes instanceof Uint8Array)) throw new Error('no bytes');
    const { state } = decodeSafetensors(bytes);
    expect(state.get('constant0')?.toArray()).toEqual(many.toArray());
  });

  it('leaves the model in its mode, and its numbers as they are', () => {
    const model = new Sequential(new Linear(4, 3), new BatchNorm1d(3), new Dropout(0.5));
    const before = [...model.stateDict().values()].map((x) => x.toArray());
    eject(model, X);
    expect(model.training).toBe(true);
    eject(model.eval(), X);
    expect(model.training).toBe(false);
    expect([...model.stateDict().values()].map((x) => x.toArray())).toEqual(before);
  });
});

it('imports what is used, not what members are called', () => {
  class Names extends Module {
    readonly F = new Linear(4, 4);
    readonly torch = new Parameter(zeros([4]));
    forward(x: Tensor): Tensor {
      return add(linear(x, this.F.weight), this.torch);
    }
  }
  const text = modelText(new Sequential(new Names()));
  expect(text).toContain('F.linear(x, self.F.weight) + self.torch');
  class Plain extends Module {
    readonly F = new Linear(4, 4);
    forward(x: Tensor): Tensor {
      return matmul(x, this.F.weight);
    }
  }
  expect(modelText(new Plain())).toContain('\n\nfrom torch import Tensor, nn\n\n\nclass Plain');
});

describe('what can not be ejected', () => {
  it('is no module, a bad option or a bad example', () => {
    expect(thrown(() => eject((() => X) as never, X))).toContain('eject: expected a Module, got ');
    const model = new ReLU();
    expect(thrown(() => eject(model, X, { batchAxis: -1 }))).toContain('batchAxis');
    expect(thrown(() => eject(model, X, { batch: 1 } as never))).toContain('unknown option');
    expect(() => eject(model, [1, 2] as never)).toThrow('eject: ');
    expect(thrown(() => eject(model, X, { name: 3 as never }))).toContain('name');
  });

  it('is a module that does something else in training', () => {
    const model = new Of(function (x) {
      return this.training ? this.fc.forward(x) : relu(x);
    });
    expect(thrown(() => eject(model, X))).toBe(
      'eject: linear in fc: expected the same operations in training and in evaluation, got others from ' +
        'here on; choose by layers that know their mode, such as Dropout',
    );
    const outputs = new Of(function (x) {
      const h = relu(x);
      return this.training ? h : x;
    });
    expect(thrown(() => eject(outputs, X))).toContain(
      'gives the same in training and in evaluation',
    );
  });

  it('is a size that follows the batch in a way of its own', () => {
    const model = new Of((x) => mul(x, x.shape[0] ?? 0));
    expect(thrown(() => eject(model, X))).toContain('follows the size of the batch');
    expect(forwardOf(model, X, { batchAxis: null })).toEqual(['return x * 2']);
    const constant = new Of((x) => add(x, zeros(x.shape)));
    expect(thrown(() => eject(constant, X))).toContain(
      "constants that don't depend on the size of the batch",
    );
  });

  it('is a module that takes tensors in other ways than by its arguments', () => {
    class Reader extends Module {
      seen: Tensor | null = null;
      forward(x: Tensor): Tensor {
        return this.seen ? add(x, this.seen) : x;
      }
    }
    class Outer extends Module {
      readonly reader = new Reader();
      forward(x: Tensor): Tensor {
        this.reader.seen = relu(x);
        const out = this.reader.forward(x);
        this.reader.seen = null;
        return out;
      }
    }
    expect(thrown(() => eject(new Outer(), X))).toContain('pass it to forward');
    const stranger = new Parameter(zeros([4]));
    // Of no module here, it is a constant.
    expect(modelText(new Of((x) => add(x, stranger)))).toContain('constant0');
  });

  it('is a module that does other things each time it is called', () => {
    class Turns extends Module {
      count = 0;
      forward(x: Tensor): Tensor {
        return this.count++ % 2 === 0 ? relu(x) : x;
      }
    }
    class Twice extends Module {
      readonly turns = new Turns();
      forward(x: Tensor): Tensor {
        return this.turns.forward(this.turns.forward(x));
      }
    }
    expect(thrown(() => eject(new Twice(), X))).toContain(
      'expected a module that does the same whenever it is called, got turns',
    );
  });

  it('is a name that Python does not take', () => {
    class Net extends Module {
      readonly $fc = new Linear(4, 4);
      forward(x: Tensor): Tensor {
        return this.$fc.forward(x);
      }
    }
    expect(thrown(() => eject(new Net(), X))).toContain(`modules leave free, got "$fc"`);
  });

  it.each(['half', 'class', '__x', 'constant0.mean'])('is a buffer called %s', (name) => {
    class Net extends Module {
      readonly buffer = this.registerBuffer(name, zeros([4]));
      forward(x: Tensor): Tensor {
        return add(x, this.buffer);
      }
    }
    expect(thrown(() => eject(new Net(), X))).toMatch(/leave free|no dots/);
  });

  it('is a class of its own that extends a container', () => {
    class Own extends Sequential {}
    expect(thrown(() => eject(new Own(new Linear(4, 4)), X))).toContain('extends a container');
  });

  it('is a module that stays in evaluation', () => {
    class Frozen extends Module {
      readonly norm = new BatchNorm1d(4);
      override train(mode = true): this {
        super.train(mode);
        this.norm.eval();
        return this;
      }
      forward(x: Tensor): Tensor {
        return this.norm.forward(x);
      }
    }
    expect(thrown(() => eject(new Frozen(), X))).toContain('got norm in evaluation');
  });

  it('is a constant whose numbers follow the batch', () => {
    const one = new Of((x) => div(x, tensor(x.shape[0] ?? 0)));
    expect(thrown(() => eject(one, X))).toContain(
      "constants that don't depend on the size of the batch",
    );
    const other = new Of((x) => add(x, tensor((x.shape[0] ?? 0) > 4 ? [1] : [2])));
    expect(thrown(() => eject(other, X))).toContain('other numbers of constant0');
  });

  it('is a module beside a parameter in one array', () => {
    class Net extends Module {
      readonly parts = [new Linear(4, 4), new Parameter(zeros([4]))] as const;
      forward(x: Tensor): Tensor {
        return add(this.parts[0].forward(x), this.parts[1]);
      }
    }
    expect(thrown(() => eject(new Net(), X))).toContain('expected modules or parameters, got both');
  });
});

describe('layers', () => {
  it('with hooks or a forward of their own get a class', () => {
    const model = new Sequential(new Linear(4, 4));
    const handle = model
      .at(0)
      .registerForwardHook((_module, _inputs, output) =>
        output instanceof Tensor ? relu(output) : output,
      );
    const text = modelText(model);
    expect(text).toContain('class Linear(nn.Module)');
    expect(text).toContain('return F.relu(F.linear(x, self.weight, self.bias))');
    handle.remove();
    expect(modelText(model)).toContain('super().__init__(nn.Linear(4, 4))');
  });

  it('of a class derived from one get a class', () => {
    class Doubled extends Conv2d {
      override forward(x: Tensor): Tensor {
        return mul(super.forward(x), 2);
      }
    }
    const text = modelText(new Sequential(new Doubled(1, 2, 3)), zeros([1, 1, 5, 5]));
    expect(text).toContain('class Doubled(nn.Module)');
    expect(text).toContain('return F.conv2d(x, self.weight, self.bias) * 2');
  });

  it('in float64 are so in PyTorch', () => {
    const model = new Sequential(new Linear(4, 3, { dtype: 'float64' }));
    const text = modelText(model, zeros([2, 4], { dtype: 'float64' }));
    expect(text).toContain('nn.Linear(4, 3, dtype=torch.float64)');
  });
});
