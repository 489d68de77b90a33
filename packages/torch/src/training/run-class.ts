import { atom, call, type Expression } from '../python.js';
import { file, part, statementAt } from './template.js';
import type { TrainFacts } from './train-facts.js';

/** Whether a schedule is as long as the run, of so many `steps` or `epochs`. */
export const takesLength = (made: Expression | null, name: 'steps' | 'epochs'): boolean =>
  made !== null && new RegExp(`\\b${name}\\b`).test(made.text);

/** The class of train.py that holds a run, and trains. */
export function runClass(facts: TrainFacts): string {
  const { className, loss, stepSchedule, epochSchedule, ema, order, isRandom, accumulate } = facts;
  const hasEvaluation = facts.hasValidation || facts.hasTest;
  const steps = accumulate > 1 ? 'math.ceil(self.batches / ACCUMULATE)' : 'self.batches';
  const stepLength = takesLength(stepSchedule, 'steps') ? `, epochs * ${steps}` : '';
  const epochLength = takesLength(epochSchedule, 'epochs') ? ', epochs' : '';
  const predictor = ema ? 'self.ema.module' : 'self.model';
  return part`
class Run:
    """A run: the model, what trains it, and where it stands."""

    def __init__(
        self,
        device: torch.device,
        start: str = "unfold",
        epochs: int = EPOCHS,
        amp: bool = False,
    ) -> None:
        """Begins a run.

        start: "unfold" goes on with Unfold's; "weights" begins a new one with the newest weights,
            those of trained.safetensors if it is there, "fresh" with PyTorch's own initial ones.
        amp: computes in bfloat16 what allows it.
        """
        self.device, self.start, self.epochs, self.amp = device, start, epochs, amp
        self.data = load_data()
        self.batches = count_batches(len(self.data["train.labels"]))
        torch.manual_seed(0)
        self.model = ${className}()
        ${facts.ownState.length > 0 ? SOME_WEIGHTS : ALL_WEIGHTS}
        self.model.to(device)
        ${statementAt(8, 'self.criterion = ', loss)}
        self.criterion.to(device)
        ${facts.isUneven && COUNTS}
        self.optimizer = make_optimizer(self.model)
        ${stepSchedule && `self.step_schedule = make_step_schedule(self.optimizer${stepLength})`}
        ${epochSchedule && `self.epoch_schedule = make_epoch_schedule(self.optimizer${epochLength})`}
        ${ema && statementAt(8, 'self.ema = ', emaExpression(ema))}
        self.epoch, self.batch, self.step = 1, 0, 0
        ${order && 'self.order = ORDER'}
        if start == "unfold":
            self.load_unfold()
        self.network = DistributedDataParallel(self.model) if WORLD > 1 else self.model
        ${isRandom && ['# Not the same random numbers in each process.', 'torch.manual_seed(RANK)']}

    def load_unfold(self) -> None:
        """Takes over where the run stood in Unfold."""
        path = FOLDER / "optimizer.safetensors"
        with safe_open(path, framework="pt") as file:
            run = json.loads(file.metadata()["run"])
        # A parameter may have several names.
        named = dict(self.model.named_parameters(remove_duplicate=False))
        groups = self.optimizer.param_groups
        own = (parameter for group in groups for parameter in group["params"])
        places = {parameter: place for place, parameter in enumerate(own)}
        state = self.optimizer.state_dict()
        for key, buffer in load_file(path).items():
            name, _, kind = key.rpartition(".")
            state["state"].setdefault(places[named[name]], {})[kind] = buffer
        for group, saved in zip(state["param_groups"], run["groups"], strict=True):
            group.update(saved)
        self.optimizer.load_state_dict(state)
        ${stepSchedule && 'self.step_schedule.load_state_dict(run["schedules"]["step"])'}
        ${epochSchedule && 'self.epoch_schedule.load_state_dict(run["schedules"]["epoch"])'}
        ${ema && ['self.ema.module.load_state_dict(load_file(FOLDER / "ema.safetensors"))', 'self.ema.n_averaged.fill_(run["averages"])']}
        self.epoch, self.batch, self.step = POSITION

    def state_dict(self) -> dict[str, Any]:
        """All that the run needs to go on."""
        return {
            "kind": (self.start, self.epochs),
            "position": (self.epoch, self.batch, self.step),
            ${order && '"order": self.order,'}
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            ${stepSchedule && '"step_schedule": self.step_schedule.state_dict(),'}
            ${epochSchedule && '"epoch_schedule": self.epoch_schedule.state_dict(),'}
            ${ema && '"ema": self.ema.state_dict(),'}
            ${isRandom && '"random": torch.get_rng_state(),'}
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a state that state_dict gave."""
        if state["kind"] != (self.start, self.epochs):
            sys.exit(f"{CHECKPOINT} is of another run; delete it to begin this one")
        self.epoch, self.batch, self.step = state["position"]
        ${order && 'self.order = state["order"]'}
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        ${stepSchedule && 'self.step_schedule.load_state_dict(state["step_schedule"])'}
        ${epochSchedule && 'self.epoch_schedule.load_state_dict(state["epoch_schedule"])'}
        ${ema && 'self.ema.load_state_dict(state["ema"])'}
        ${isRandom && ['if WORLD == 1:', '    torch.set_rng_state(state["random"])']}

    def save(self) -> None:
        """Writes checkpoint.pt, of which a whole one is there at any time."""
        if RANK == 0:
            temporary = CHECKPOINT.with_suffix(".tmp")
            torch.save(self.state_dict(), temporary)
            os.replace(temporary, CHECKPOINT)

${trainEpoch(facts)}

${endEpoch(facts)}
${hasEvaluation && ['', evaluate(facts, predictor)]}

    def export(self) -> None:
        """Writes the trained weights as Unfold reads them, by loadModel and loadWeights."""
        if RANK == 0:
            weights = ${predictor}.state_dict()
            copies = {name: weight.cpu().clone() for name, weight in weights.items()}
            save_file(copies, FOLDER / "trained.safetensors", METADATA)
`;
}

const NEWEST = part`
newest = FOLDER / "trained.safetensors"
if start != "weights" or not newest.exists():
    newest = FOLDER / "weights.safetensors"
`;

const ALL_WEIGHTS = part`
if start != "fresh":
    ${NEWEST}
    self.model.load_state_dict(load_file(newest))
`;

const SOME_WEIGHTS = part`
${NEWEST}
weights = load_file(newest)
if start == "fresh":
    weights = {name: weights[name] for name in OWN_STATE}
self.model.load_state_dict(weights, strict=start != "fresh")
`;

const COUNTS = part`
# What the label of each image counts in the mean of the loss.
labels = self.data["train.labels"].long()
self.counts = (labels != self.criterion.ignore_index).double()
if self.criterion.weight is not None:
    kept = self.counts > 0
    self.counts[kept] *= self.criterion.weight.cpu()[labels[kept]]
`;

const emaExpression = ({ decay, useBuffers }: NonNullable<TrainFacts['ema']>) =>
  call('AveragedModel', [atom('self.model')], {
    multi_avg_fn: call('get_ema_multi_avg_fn', [decay]),
    ...(useBuffers && { use_buffers: true }),
  });

/** The method that trains: batch by batch, or by several batches a step. */
function trainEpoch(facts: TrainFacts): string {
  const { order, accumulate, clipGradNorm, ema, stepSchedule, isUneven } = facts;
  const isAccumulating = accumulate > 1;
  const learn = part`
with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
    logits = self.network(images.to(self.device))
    loss = self.criterion(logits, labels.to(self.device))
`;
  const clip = `torch.nn.utils.clip_grad_norm_(parameters, ${clipGradNorm})`;
  const descend = [
    ...(clipGradNorm === null ? [] : [clip]),
    'self.optimizer.step()',
    ...(ema ? ['self.ema.update_parameters(self.model)'] : []),
    ...(stepSchedule ? ['self.step_schedule.step()'] : []),
  ];
  const single = part`
${learn}
# Processes take the mean of their gradients.
loss = loss * weight
self.optimizer.zero_grad()
loss.backward()
${descend}
self.batch += 1
self.step += 1
yield over_processes([loss.item() / WORLD], self.device)[0]
`;
  const several = part`
together = min(ACCUMULATE, self.batches - self.batch // ACCUMULATE * ACCUMULATE)
is_last = (self.batch + 1) % ACCUMULATE == 0 or self.batch + 1 == self.batches
# Gradients are exchanged once a step.
alone = nullcontext() if WORLD == 1 or is_last else self.network.no_sync()
with alone:
    ${learn}
    loss = loss * weight / together
    loss.backward()
total += loss.item()
self.batch += 1
if is_last:
    ${descend}
    self.optimizer.zero_grad()
    self.step += 1
    yield over_processes([total / WORLD], self.device)[0]
    total = 0.0
`;
  const drawn = part`
shuffle = Shuffle(self.order)
order = shuffle.permutation(len(self.data["train.labels"]))
`;
  return file`
    def train_epoch(self) -> Iterator[float]:
        """Trains on the batches that are left of the epoch in hand; gives the loss of each step."""
        self.network.train()
        ${order ? drawn : 'order = list(range(len(self.data["train.labels"])))'}
        ${
          clipGradNorm !== null &&
          part`
groups = self.optimizer.param_groups
parameters = [parameter for group in groups for parameter in group["params"]]
`
        }
        ${isAccumulating && ['self.optimizer.zero_grad()', 'total = 0.0']}
        batches = training_batches(self.data, order, self.batch, RANK, WORLD${isUneven ? ', self.counts' : ''})
        for images, labels, weight in batches:
            ${isAccumulating ? several : single}
        self.epoch, self.batch = self.epoch + 1, 0
        ${order && 'self.order = shuffle.words'}
`.trimEnd();
}

/** The method that ends an epoch. */
function endEpoch({ hasValidation, epochSchedule, isWatching }: TrainFacts): string {
  const step = epochSchedule && `self.epoch_schedule.step(${isWatching ? 'loss' : ''})`;
  return file`
    def end_epoch(self) -> str:
        """Validates, and says how far the run has come."""
        ${hasValidation && 'loss, accuracy = self.evaluate("validation")'}
        ${step}
        ${
          hasValidation
            ? [
                'scores = f"validation loss {loss:.4f}, accuracy {100 * accuracy:.2f} %"',
                'return f"epoch {self.epoch - 1}: {scores}"',
              ]
            : 'return f"epoch {self.epoch - 1}: done"'
        }
`.trimEnd();
}

/** The method that measures a part of the data. */
const evaluate = ({ hasBuffers }: TrainFacts, predictor: string): string =>
  file`
    @torch.no_grad()
    def evaluate(self, part: str) -> tuple[float, float]:
        """The mean loss and the accuracy over a part of the data, which processes share."""
        model = ${predictor}
        model.eval()
        ${hasBuffers && ['if WORLD > 1:', '    # Each has statistics of its own images.', '    for buffer in model.buffers():', '        dist.broadcast(buffer, 0)']}
        sums = [0.0, 0.0, 0.0]
        for images, labels in evaluation_batches(self.data, part, RANK, WORLD):
            labels = labels.to(self.device)
            logits = model(images.to(self.device))
            sums[0] += self.criterion(logits, labels).item() * len(labels)
            sums[1] += (logits.argmax(1) == labels).sum().item()
            sums[2] += len(labels)
        loss, correct, count = over_processes(sums, self.device)
        return loss / count, correct / count
`.trimEnd();
