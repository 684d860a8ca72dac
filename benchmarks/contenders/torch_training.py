"""A VAE written by hand in PyTorch, as fast as that is done: resident uint8 data, channels_last, fused Adam."""

from pathlib import Path

import numpy as np
import torch
from harness.contender import Turns, settings
from torch.nn import functional as F
from torch_networks import Encoder, decoder, load, turned

S = settings()
START = Path(S["start"])
turns = Turns(S["images"])
device = torch.device(S["device"])
torch.set_num_threads(S["threads"])
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True


def model():
    """(encoder, decoder, optimizer) with the common weights."""
    encoder, generator = Encoder(S["network"]), decoder(S["network"])
    load(encoder, generator, START, S["network"])
    both = torch.nn.ModuleList([encoder, generator]).to(device, memory_format=torch.channels_last)
    return encoder, generator, torch.optim.Adam(both.parameters(), 1e-3, eps=1e-7, fused=True)


def loss_of(encoder, generator, x, noise=None):
    """Negative ELBO, mean over the batch."""
    mean, log_var = encoder(x)
    noise = torch.randn_like(mean) if noise is None else noise
    logits = generator(mean + torch.exp(0.5 * log_var) * noise)
    distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    rate = 0.5 * torch.sum(mean.square() + log_var.exp() - 1.0 - log_var)
    return (distortion + rate) / len(x)


def step(encoder, generator, optimizer, x, noise=None):
    """One step; the loss before it."""
    optimizer.zero_grad(set_to_none=True)
    loss = loss_of(encoder, generator, x, noise)
    loss.backward()
    optimizer.step()
    return loss


def to_float(x):
    """uint8 -> [0, 1], channels last."""
    return (x.float() / 255.0).to(memory_format=torch.channels_last)


images = torch.from_numpy(turned(np.load(START / "train.npy", mmap_mode="r")[: S["images"]])).to(device)


def losses():
    """Loss of one batch with given noise, before and after a step of Adam."""
    parts, x = model(), to_float(images[:128])
    noise = torch.from_numpy(np.load(START / "noise.npy")).to(device)
    return [step(*parts, x, noise).item(), loss_of(*parts[:2], x, noise).item()]


parts = model()
turns.ready(parameters=sum(p.numel() for p in (*parts[0].parameters(), *parts[1].parameters())), losses=losses())
while True:
    order = torch.randperm(len(images), device=device)
    for rows in order.split(S["batch"]):
        last = step(*parts, to_float(images[rows]))
    last.item()  # the GPU is done
    turns.next()
