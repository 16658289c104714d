"""Shared by all full-size runs of CLIP2SAM, whatever the data: model, schedule, weights, metric."""

from mmengine.config import read_base

from ovsam.evaluation.promptable import PromptableMetric

with read_base():
    from .models.ovsam import model
    from .runtime import *
    from .schedules.clip2sam_12e import auto_scale_lr, optim_wrapper, param_scheduler, train_cfg

method = "Open-Vocabulary SAM"
test_prompts = ("box", "center_point")
precision = "float32"  # "bfloat16" or "float16" turn on autocast in training and test
trackers = []  # "tensorboard", "wandb", "mlflow": also send curves there
initial_weights = {
    "backbone": "clip_rn50x16#image_encoder",
    "classifier.text_encoder": "clip_rn50x16#text_encoder",
    "neck": "sam2clip_vith_rn50x16_sa1b_24e#neck",
    "prompt_encoder": "sam_vit_h#prompt_encoder",
    "mask_decoder.decoder": "first_mask:sam_vit_h#mask_decoder",
}

val_evaluator = dict(type=PromptableMetric)
val_cfg = dict()
test_evaluator = dict(type=PromptableMetric)
test_cfg = dict()
