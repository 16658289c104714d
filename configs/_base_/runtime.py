"""Shared by all runs: hooks, logging, randomness."""

from mmengine.hooks import (
    CheckpointHook,
    DistSamplerSeedHook,
    IterTimerHook,
    LoggerHook,
    ParamSchedulerHook,
)
from mmengine.runner import LogProcessor
from mmengine.visualization import LocalVisBackend, Visualizer

from ovsam.engine.hooks import ExportWeightsHook, LossGuardHook, ProgressHook, SetEpochHook

default_scope = "mmengine"  # mmengine looks up string types there; ours are all classes
weights_root = "work_dirs"
initial_weights = dict()

default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, interval=20),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type=DistSamplerSeedHook),
)
custom_hooks = [
    dict(type=SetEpochHook),
    dict(type=LossGuardHook),
    dict(type=ProgressHook),
    dict(type=ExportWeightsHook),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="gloo"),
)
vis_backends = [dict(type=LocalVisBackend)]
visualizer = dict(type=Visualizer, vis_backends=vis_backends)
log_processor = dict(type=LogProcessor, window_size=20)
log_level = "INFO"
load_from = None
resume = False
randomness = dict(seed=0, deterministic=False)
