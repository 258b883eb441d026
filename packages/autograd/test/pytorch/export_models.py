"""Writes models/<name>/: small PyTorch modules as torch.onnx exports them, and the gradients that autograd finds.

pytorch-models.test.ts reads them, and so does `pingo autograd check models/<name>/model.onnx --case models/<name>`.
Exported by opset 13 and 17 of torch.onnx 1.13, batches left open; the loss is the mean square of output − target, or the
output where that is one number.

    python3 export_models.py models
"""

import copy
import json
import os
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")
torch.manual_seed(20261128)
torch.set_num_threads(1)
FOLDER = sys.argv[1]

table = torch.randn(3, 5)
sequence = torch.randn(2, 4, 8)
sound = torch.randn(2, 4, 9)
image = torch.randn(2, 4, 6, 6)
video = torch.randn(2, 2, 4, 4, 4)
tokens = torch.randint(0, 7, (2, 4))


class Whole(nn.Module):
    """Modules and what is done with them."""

    def __init__(self, forward, **modules):
        super().__init__()
        self.forward_ = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *inputs):
        return self.forward_(self, *inputs)


def write(name, module, *inputs, opset=17, training=False):
    folder = os.path.join(FOLDER, name)
    os.makedirs(folder, exist_ok=True)
    module.train(training)
    before = copy.deepcopy(module.state_dict())
    names = [f"x{i}" for i in range(len(inputs))]
    mode = torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(
        module,
        inputs,
        os.path.join(folder, "model.onnx"),
        input_names=names,
        output_names=["y"],
        opset_version=opset,
        dynamic_axes={each: {0: "batch"} for each in names},
        training=mode,
        do_constant_folding=False,
    )
    module.load_state_dict(before)
    module.train(training)
    y = module(*inputs)
    target = torch.randn(y.shape)
    loss = y if y.dim() == 0 else ((y - target) ** 2).mean()
    loss.backward()
    tensors = [("input", each, value) for each, value in zip(names, inputs)]
    tensors += [] if y.dim() == 0 else [("target", "target", target)]
    tensors += [("output", "y", y.detach())]
    tensors += [("gradient", each, value.grad) for each, value in module.named_parameters() if value.grad is not None]
    entries, data = [], b""
    for role, each, value in tensors:
        dtype = {torch.float32: "float32", torch.int64: "int64"}[value.dtype]
        entries.append({"role": role, "name": each, "dtype": dtype, "shape": list(value.shape), "offset": len(data)})
        data += value.contiguous().numpy().tobytes()
        data += bytes(-len(data) % 8)
    case = {"loss": "model_output" if y.dim() == 0 else "mean_squared_error", "value": float(loss), "tensors": entries}
    with open(os.path.join(folder, "case.json"), "w") as file:
        file.write(json.dumps(case) + "\n")
    with open(os.path.join(folder, "case.bin"), "wb") as file:
        file.write(data)


def between(function):
    """Two layers and what lies between them."""
    return Whole(lambda m, x: m.b(function(m.a(x))), a=nn.Linear(5, 6), b=nn.Linear(6, 3))


def after(function, channels=4, kernel=2, module=nn.Conv2d):
    return Whole(lambda m, x: function(m.c(x)), c=module(channels, 4, kernel))


# Activations and arithmetic

write("gelu", between(F.gelu), table)
write("gelu-tanh", between(lambda v: F.gelu(v, approximate="tanh")), table, opset=13)
write("mish", between(F.mish), table)
write("selu-glu", between(lambda v: torch.cat([F.glu(F.selu(v), -1)] * 2, -1)), table)
write("softplus", between(lambda v: F.softplus(v, beta=2)), table)
write("variance", between(lambda v: v / (v.var(-1, keepdim=True) + v.std(-1, unbiased=False, keepdim=True) + 1)), table)
write("sorted", between(lambda v: torch.sort(v, -1)[0] * torch.topk(v, 2, -1)[0].sum(-1, keepdim=True)), table)
write("moved", between(lambda v: torch.roll(v, 2, 1) + v.flip(1) + torch.tril(v) + v[:, [0, 2, 5, 1, 1, 3]]), table)
write("masked", between(lambda v: torch.where(v > 0, v, v * v).masked_fill(v > 1, 0.5).clamp(-0.5, 0.7)), table, opset=13)


def assigned(module, x):
    y = module.a(x).clone()
    y[:, 1] = 0.5 * y[:, 2]
    y[:, 3:5] = y[:, 0:2] * 2
    return module.b(y)


write("assigned", Whole(assigned, a=nn.Linear(5, 6), b=nn.Linear(6, 3)), table)

# Convolutions, norms, pools

write("conv1d", nn.Conv1d(4, 8, 3, stride=2, padding=1, groups=4), sound, opset=13)
write("conv2d-reflect", nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), image)
write("conv3d-replicate", nn.Conv3d(2, 2, 3, padding=1, padding_mode="replicate"), video, opset=13)
write("conv-transpose2d", nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1, groups=2), image)
write("batch-norm-13", nn.Sequential(nn.Conv2d(4, 4, 2), nn.BatchNorm2d(4)), image, opset=13, training=True)
write("batch-norm-17", nn.Sequential(nn.Conv2d(4, 4, 2), nn.BatchNorm2d(4)), image, training=True)
write("instance-norm", nn.Sequential(nn.Conv2d(4, 4, 2), nn.InstanceNorm2d(4, affine=True)), image)
write("group-norm", nn.Sequential(nn.Conv3d(2, 4, 2), nn.GroupNorm(2, 4)), video, opset=13)
write("local-response-norm", nn.Sequential(nn.Conv2d(4, 6, 1), nn.LocalResponseNorm(3)), image)
write("max-pool", after(lambda v: F.max_pool2d(v, 3, 2, 1, ceil_mode=True)), image)
write("average-pool", after(lambda v: F.avg_pool3d(v, 3, 2, 1), 2, module=nn.Conv3d), video, opset=13)
write("lp-pool", after(lambda v: F.lp_pool2d(v, 2, 2)), image)
write("bilinear", after(lambda v: F.interpolate(v, scale_factor=2, mode="bilinear", align_corners=True)), image, opset=13)
write("bicubic", after(lambda v: F.interpolate(v, size=(7, 7), mode="bicubic")), image)
write("nearest", after(lambda v: F.interpolate(v, scale_factor=2)), image)
write("pixel-shuffle", nn.Sequential(nn.Conv2d(4, 8, 1), nn.PixelShuffle(2), nn.PReLU(2)), image)
write("unfold", after(lambda v: F.unfold(v, 3, padding=1, stride=2), kernel=1), image)
write("grid-sample", after(lambda v: F.grid_sample(v, torch.tanh(v[:, :2].permute(0, 2, 3, 1)), align_corners=False)), image)
write("weight-norm", nn.utils.weight_norm(nn.Conv2d(4, 3, 3)), image)

# Sequences

write("embedding", Whole(lambda m, t: m.l(m.e(t) + m.p(torch.arange(t.size(1)))), e=nn.Embedding(7, 5), p=nn.Embedding(9, 5), l=nn.Linear(5, 3)), tokens)
write("tied", Whole(lambda m, t: m.e(t) @ m.e.weight.t(), e=nn.Embedding(7, 5)), tokens, opset=13)
write("lstm", Whole(lambda m, x: m.o(m.r(x)[0]), r=nn.LSTM(8, 3, num_layers=2, bidirectional=True, batch_first=True), o=nn.Linear(6, 2)), sequence)
write("gru", Whole(lambda m, x: m.o(m.r(x)[1][-1]), r=nn.GRU(8, 3, batch_first=True), o=nn.Linear(3, 2)), sequence, opset=13)
write("rnn", Whole(lambda m, x: m.o(m.r(x.transpose(0, 1))[0]), r=nn.RNN(8, 3, nonlinearity="relu"), o=nn.Linear(3, 2)), sequence)


def packed(module, x):
    given = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([4, 2]), batch_first=True)
    return module.o(nn.utils.rnn.pad_packed_sequence(module.r(given)[0], batch_first=True)[0])


write("lstm-packed", Whole(packed, r=nn.LSTM(8, 3, batch_first=True), o=nn.Linear(3, 2)), sequence)
later = torch.triu(torch.full((4, 4), float("-inf")), 1)
write("attention", Whole(lambda m, x: m.a(x, x, x, attn_mask=later)[0], a=nn.MultiheadAttention(8, 2, batch_first=True)), sequence, opset=13)
write("encoder", nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True), sequence, opset=13, training=True)
write("transformer", Whole(lambda m, x: m.t(x, x), t=nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True)), sequence, training=True)
products = "bhij,bjhd->bihd"
write("einsum", Whole(lambda m, x: torch.einsum(products, torch.einsum("bihd,bjhd->bhij", m.q(x).view(-1, 4, 2, 4), m.k(x).view(-1, 4, 2, 4)).softmax(-1), m.q(x).view(-1, 4, 2, 4)), q=nn.Linear(8, 8), k=nn.Linear(8, 8)), sequence)


class Causal(nn.Module):
    """Attention with turned queries and keys, and a root-mean-square norm, as language models write them out."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.rand(8) + 0.5)
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)

    def forward(self, x):
        batch, length, width = x.shape
        x = self.scale * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5))
        q, k, v = (part.view(batch, length, 2, width // 2).transpose(1, 2) for part in self.qkv(x).split(width, 2))
        angles = torch.outer(torch.arange(length).float(), 1 / (10000 ** (torch.arange(0, 4, 2).float() / 4)))
        angles = torch.cat([angles, angles], -1)
        turn = lambda t: t * angles.cos() + torch.cat([-t[..., 2:], t[..., :2]], -1) * angles.sin()
        scores = turn(q) @ turn(k).transpose(-2, -1) / 2
        scores = scores.masked_fill(torch.tril(torch.ones(length, length)).view(1, 1, length, length) == 0, float("-inf"))
        return self.out((F.softmax(scores, -1) @ v).transpose(1, 2).contiguous().view(batch, length, width))


write("causal", Causal(), sequence)

# What a script decides


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(5, 3)
        self.b = nn.Linear(5, 3)

    def forward(self, x):
        if x.sum() > 0:
            y = self.a(x)
        else:
            y = torch.relu(self.b(x)) / x.sum()
        return y


class Recurring(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(12, 4)

    def forward(self, x):
        h = torch.zeros(x.shape[0], 4)
        for i in range(x.shape[1]):
            h = torch.tanh(self.a(torch.cat([x[:, i], h], 1)))
        return h


class Ending(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(5, 5)

    def forward(self, x):
        for i in range(5):
            if bool(x.abs().sum() < 1.0):
                break
            x = 0.6 * torch.tanh(self.a(x))
        return x


write("if", torch.jit.script(Branching()), table)
write("loop", torch.jit.script(Recurring()), sequence, opset=13)
write("loop-that-ends", torch.jit.script(Ending()), table)

# Losses inside the model, and whole networks


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.Linear(5, 4)
        self.loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2, 3, 4]), ignore_index=1, label_smoothing=0.0)

    def forward(self, x, label):
        return self.loss(self.l(x), label)


write("loss", Classifier(), table, torch.tensor([0, 3, 1]))


class Residual(nn.Module):
    def __init__(self, channels, out, stride):
        super().__init__()
        self.c1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.b1 = nn.BatchNorm2d(out)
        self.c2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.b2 = nn.BatchNorm2d(out)
        self.down = nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x):
        return F.relu(self.b2(self.c2(F.relu(self.b1(self.c1(x))))) + self.down(x))


write("resnet", nn.Sequential(nn.MaxPool2d(3, 1, 1), Residual(4, 6, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)), image, opset=13, training=True)


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = nn.Sequential(nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8), nn.Hardswish(), nn.Conv2d(8, 8, 3, 1, 1, groups=8))
        self.s = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1), nn.Hardsigmoid())
        self.p = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        y = self.n(x)
        return x + self.p(y * self.s(y))


write("mobile", Mobile(), image, training=True)


class Diffusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.i = nn.Conv2d(4, 8, 3, 1, 1)
        self.t = nn.Linear(8, 8)
        self.n = nn.GroupNorm(4, 8)
        self.d = nn.Conv2d(8, 8, 3, 2, 1)
        self.o = nn.Conv2d(16, 4, 3, 1, 1)

    def forward(self, x, t):
        angles = t[:, None].float() * torch.exp(-torch.arange(4) * 0.5)[None]
        told = self.t(torch.cat([angles.sin(), angles.cos()], -1))
        h = F.silu(self.n(self.i(x))) + told[:, :, None, None]
        return self.o(torch.cat([h, F.interpolate(self.d(h), scale_factor=2.0, mode="nearest")], 1))


write("diffusion", Diffusion(), image, torch.tensor([3, 17]), opset=13)


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.p = nn.Conv2d(4, 8, 2, 2)
        self.c = nn.Parameter(torch.randn(1, 1, 8))
        self.e = nn.Parameter(torch.randn(1, 10, 8))
        self.t = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 1)
        self.h = nn.Linear(8, 3)

    def forward(self, x):
        y = self.p(x).flatten(2).transpose(1, 2)
        return self.h(self.t(torch.cat([self.c.expand(x.shape[0], -1, -1), y], 1) + self.e)[:, 0])


write("patches", Patches(), image, training=True)
