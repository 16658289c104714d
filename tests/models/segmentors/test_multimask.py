import torch

from ovsam.models.decoders.clip2sam import Clip2SamDecoder
from ovsam.models.losses import GridMaskLoss
from ovsam.models.outputs import DecoderOutput
from ovsam.models.segmentors.multimask import grid_iou, multimask_losses


def targets_and_logits():
    targets = torch.zeros(2, 8, 12, dtype=torch.bool)
    targets[0, :4] = True
    targets[1, :, 6:] = True
    cells = targets[:, ::2, ::2].float()  # (2, 4, 6)
    logits = torch.zeros(2, 3, 4, 6)
    logits[0, 2] = 8 * cells[0] - 4  # token 2 is right for prompt 0, token 1 for prompt 1
    logits[1, 1] = 8 * cells[1] - 4
    logits[0, 1], logits[1, 2] = -logits[0, 2], -logits[1, 1]
    return targets, logits.requires_grad_()


def test_only_the_best_further_mask_learns():
    targets, logits = targets_and_logits()
    losses = multimask_losses(GridMaskLoss(), DecoderOutput(logits), targets, [2], [0])
    assert set(losses) == {"loss_mask_multimask", "loss_dice_multimask"}
    sum(losses.values()).backward()
    learns = logits.grad.abs().amax(dim=(2, 3)) > 0
    assert learns.tolist() == [[False, False, True], [False, True, False]]
    right = GridMaskLoss()(torch.stack([logits[0, 2], logits[1, 1]]), targets, counts=[2], seeds=[0])
    torch.testing.assert_close(losses["loss_mask_multimask"], right["loss_mask"])


def test_quality_learns_the_iou_of_every_mask():
    targets, logits = targets_and_logits()
    quality = torch.tensor([[0.5, 0.25, 1.0], [0.0, 1.0, 0.0]], requires_grad=True)
    losses = multimask_losses(GridMaskLoss(), DecoderOutput(logits, quality), targets, [2], [0])
    # IoU of token 0 (all zeros: nothing found) 0, of the wrong one 0, of the right one 1
    expected = (0.5**2 + 0.25**2) / 6
    torch.testing.assert_close(losses["loss_quality"], torch.tensor(expected))


def test_nothing_is_added_without_further_tokens():
    targets, logits = targets_and_logits()
    assert multimask_losses(GridMaskLoss(), DecoderOutput(logits[:, :1]), targets, [2], [0]) == {}


def test_no_prompts_give_no_loss():
    empty = DecoderOutput(torch.zeros(0, 3, 4, 6), torch.zeros(0, 3, requires_grad=True))
    losses = multimask_losses(GridMaskLoss(), empty, torch.zeros(0, 8, 12, dtype=torch.bool), [0], [0])
    assert all(float(value.detach()) == 0 for value in losses.values())


def test_iou_on_the_grid():
    cells = torch.tensor([[[[1.0, 0.5, 0.4, 0.0]]]])
    logits = torch.tensor([[[[1.0, -1.0, 1.0, -1.0]], [[-1.0, -1.0, -1.0, -1.0]]]])
    torch.testing.assert_close(grid_iou(logits, cells), torch.tensor([[1 / 3, 0.0]]))
    torch.testing.assert_close(grid_iou(logits[:, 1:], torch.zeros(1, 1, 1, 4)), torch.tensor([[1.0]]))


def test_loss_and_several_masks_of_the_whole_model(make, batch):
    decoder = dict(
        type=Clip2SamDecoder, num_mask_tokens=4, predicts_quality=True, num_heads=2, mlp_dim=24
    )
    model = make("ovsam", mask_decoder=decoder)
    images, samples = batch
    losses = model(images, samples, mode="loss")
    assert {"loss_mask", "loss_mask_multimask", "loss_dice_multimask", "loss_quality"} <= set(losses)
    sum(losses.values()).backward()
    assert all(p.grad is not None for p in model.mask_decoder.decoder.iou_prediction_head.parameters())
    model.eval()
    features = model.encode(images)
    one = answers(model, features, samples)
    several = answers(model, features, samples, multimask=True)
    assert one.mask_logits.shape[0] == one.quality.shape[0] == 5
    assert several.mask_logits.shape[0] == several.class_logits.shape[0] == 15
    raw = model.decode(features.embeddings, model.batch_prompts(samples, images.device), None)
    torch.testing.assert_close(several.mask_logits[3:6], raw.mask_logits[1, 1:])
    torch.testing.assert_close(several.quality[3:6], raw.quality[1, 1:])
    torch.testing.assert_close(one.mask_logits, raw.mask_logits[:, 0])


def answers(model, features, samples, multimask=False):
    return model.name_masks(features, samples, model.predict_masks(features, samples, multimask))


def test_features_of_one_image_answer_as_in_the_batch(make, batch):
    model = make("ovsam").eval()
    images, samples = batch
    together = model.predict_raw(images, samples)
    alone = answers(model, model.encode(images).image(1), samples[1:])
    torch.testing.assert_close(alone.mask_logits, together.mask_logits[3:], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(alone.class_logits, together.class_logits[3:], atol=1e-3, rtol=1e-4)


def test_the_label_token_of_a_prompt_names_all_its_masks(make, batch):
    decoder = dict(
        type=Clip2SamDecoder, num_mask_tokens=4, label_classifies=True, num_heads=2, mlp_dim=24
    )
    model = make("ovsam", mask_decoder=decoder, pyramid=None, region_head=None, fusion=None).eval()
    images, samples = batch
    features = model.encode(images)
    one = answers(model, features, samples)
    several = answers(model, features, samples, multimask=True)
    torch.testing.assert_close(several.class_logits, one.class_logits.repeat_interleave(3, dim=0))
