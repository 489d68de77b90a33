/* Names that mean something in Python or in PyTorch already. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** The members of every `nn.Module`: a property of such a name would hide them. */
export const MODULE_MEMBERS = words(
  'T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches ' +
    'eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu ' +
    'load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters ' +
    'register_backward_hook register_buffer register_forward_hook register_forward_pre_hook ' +
    'register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook ' +
    'register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook ' +
    'register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to ' +
    'to_empty train training type xpu zero_grad',
);

/** Those of `nn.ModuleDict` and `nn.ParameterDict` besides. */
export const DICT_MEMBERS = words(
  'clear copy fromkeys get items keys pop popitem setdefault update values',
);

/** What a forward calls by these names: its variables must not have them. */
export const IN_FORWARD = words('F torch nn math Tensor CONSTANTS float super self _');

/** What the files of a project call by these names: a class must not have them. */
export const TAKEN = words(
  'F Path Tensor nn math torch load_file OrderedDict CONSTANTS Any Iterator Optimizer lr_scheduler ' +
    'DistributedDataParallel AveragedModel get_ema_multi_avg_fn nullcontext safe_open save_file dist argparse gc ' +
    'json os signal sys threading pytest v2 FOLDER CHECKPOINT METADATA EPOCHS ACCUMULATE POSITION ORDER RANK ' +
    'WORLD BATCH_SIZE MEAN STD AUGMENT Run Shuffle train main parse say over_processes evaluate make_optimizer ' +
    'make_step_schedule make_epoch_schedule load_data count_batches training_batches evaluation_batches prepare ' +
    'rotate_left leaves test_outputs test_losses data model self super float int bool str list dict tuple set len ' +
    'range enumerate zip min max sum print isinstance next iter map type',
);
