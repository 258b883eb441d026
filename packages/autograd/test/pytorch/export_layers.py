"""Writes layers.json: small PyTorch modules with their parameters, what they were given and what they returned.

builder-layers.test.ts builds the same layers in TypeScript. Batch norm is in training mode. Floats are float32, base64.

    python3 export_layers.py layers.json
"""

import base64
import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(20261127)
cases = {}


def encode(tensor):
    dtype = {torch.float32: "float32", torch.int64: "int64", torch.bool: "bool"}[tensor.dtype]
    data = base64.b64encode(tensor.detach().contiguous().numpy().tobytes()).decode()
    return {"dtype": dtype, "shape": list(tensor.shape), "data": data}


def case(name, module, *inputs):
    holder = module if isinstance(module, nn.Module) else None
    state = {} if holder is None else {
        key: value.clone() for key, value in holder.state_dict().items() if not key.endswith("num_batches_tracked")
    }
    # Weights of one and biases of zero would hide a missing product or sum.
    if holder is not None:
        with torch.no_grad():
            for key, value in holder.state_dict().items():
                if value.dtype == torch.float32 and "running" not in key and value.dim() == 1:
                    value.add_(0.3 * torch.randn_like(value))
            state = {key: value.clone() for key, value in holder.state_dict().items() if key in state}
    output = module(*inputs)
    cases[name] = {
        "inputs": [encode(value) for value in inputs],
        "state": {key: encode(value) for key, value in state.items()},
        "output": encode(output),
    }


class Named(nn.Module):
    """A module under a name of its own, so that its parameters are `<name>.weight`."""

    def __init__(self, name, inner, call=lambda inner, *inputs: inner(*inputs)):
        super().__init__()
        self.add_module(name, inner)
        self.inner = [inner]  # in a list: not registered twice
        self.call = call

    def forward(self, *inputs):
        return self.call(self.inner[0], *inputs)


x = torch.randn(3, 5)
s = torch.randn(2, 4, 8)  # sequence
sound = torch.randn(2, 4, 9)
image = torch.randn(2, 4, 6, 4)
video = torch.randn(2, 2, 3, 4, 3)

case("linear", Named("fc", nn.Linear(5, 3)), x)
case("linear without bias", Named("fc", nn.Linear(8, 3, bias=False)), s)
case("linear of a sequence", Named("fc", nn.Linear(8, 3)), s)
case("conv1d", Named("c", nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2)), sound)
case("conv2d", Named("c", nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2)), image)
case("conv2d same", Named("c", nn.Conv2d(4, 2, 3, padding="same", bias=False)), image)
case("conv3d", Named("c", nn.Conv3d(2, 3, (2, 3, 2), padding=(0, 1, 1))), video)
case("convTranspose1d", Named("c", nn.ConvTranspose1d(4, 2, 3, stride=2, padding=1)), sound)
case("convTranspose2d", Named("c", nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)), image)
case("convTranspose3d", Named("c", nn.ConvTranspose3d(2, 3, 2, stride=2)), video)
case("depthwiseConv2d", Named("c", nn.Conv2d(4, 8, 3, padding=1, groups=4)), image)


class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False)
        self.pointwise = nn.Conv2d(4, 3, 1)

    def forward(self, value):
        return self.pointwise(self.depthwise(value))


case("separableConv2d", Named("c", Separable()), image)
case("maxPool1d", lambda v: F.max_pool1d(v, 3, 2, 1, dilation=2), sound)
case("maxPool2d", lambda v: F.max_pool2d(v, (3, 2), (2, 1), 1, ceil_mode=True), image)
case("maxPool3d", lambda v: F.max_pool3d(v, 2), video)
case("averagePool1d", lambda v: F.avg_pool1d(v, 3, 2, 1), sound)
case("averagePool2d", lambda v: F.avg_pool2d(v, 3, 2, 1, count_include_pad=False), image)
case("averagePool3d", lambda v: F.avg_pool3d(v, 2), video)
case("globalAveragePool", lambda v: v.mean((2, 3)), image)
case("globalMaxPool", lambda v: v.amax((2, 3)), image)
case("adaptiveAveragePool1d", nn.AdaptiveAvgPool1d(4), sound)
case("adaptiveAveragePool2d", nn.AdaptiveAvgPool2d((4, 3)), image)
case("adaptiveMaxPool1d", nn.AdaptiveMaxPool1d(4), sound)
case("adaptiveMaxPool2d", nn.AdaptiveMaxPool2d((4, 3)), image)
case("batchNorm1d", Named("n", nn.BatchNorm1d(5)), x)
case("batchNorm1d of a sequence", Named("n", nn.BatchNorm1d(4, eps=1e-3)), sound)
case("batchNorm2d", Named("n", nn.BatchNorm2d(4)), image)
case("batchNorm3d", Named("n", nn.BatchNorm3d(2)), video)
case("layerNorm", Named("n", nn.LayerNorm(8)), s)
case("layerNorm of two axes", Named("n", nn.LayerNorm([4, 8], eps=1e-3)), s)
case("groupNorm", Named("n", nn.GroupNorm(2, 4)), image)
case("instanceNorm", nn.InstanceNorm2d(4), image)
case("instanceNorm affine", Named("n", nn.InstanceNorm2d(4, affine=True)), image)


class RmsNorm(nn.Module):
    def __init__(self, width, epsilon=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, value):
        return value / (value.pow(2).mean(-1, keepdim=True) + self.epsilon).sqrt() * self.weight


case("rmsNorm", Named("n", RmsNorm(8)), s)
wide = 4 * torch.randn(3, 5)
for name, function in {
    "celu": F.celu, "elu": F.elu, "exp": torch.exp, "gelu": F.gelu,
    "geluTanh": lambda v: 0.5 * v * (1 + torch.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v ** 3))),
    "hardSigmoid": F.hardsigmoid, "hardSwish": F.hardswish, "hardTanh": F.hardtanh, "identity": lambda v: v,
    "leakyRelu": F.leaky_relu, "logSigmoid": F.logsigmoid, "mish": F.mish, "relu": F.relu, "relu6": F.relu6,
    "selu": F.selu, "sigmoid": torch.sigmoid, "silu": F.silu, "softplus": F.softplus, "softsign": F.softsign,
    "tanh": torch.tanh,
}.items():
    case(f"activation {name}", function, wide)
case("prelu", Named("p", nn.PReLU()), wide)
case("prelu per channel", Named("p", nn.PReLU(4)), image)
case("glu", F.glu, s)
case("softmax", lambda v: F.softmax(v, 1), image)
case("logSoftmax", lambda v: F.log_softmax(v, -1), x)
case("embedding", Named("e", nn.Embedding(7, 3)), torch.randint(0, 7, (2, 4)))


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 8))

    def forward(self, value):
        return value + self.weight


case("learnedPositions", Named("p", Positions()), s)


def sinusoidal(value):
    positions, width = value.shape[-2:]
    table = torch.zeros(positions, width)
    place = torch.arange(positions).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    table[:, 0::2] = torch.sin(place * rate)
    table[:, 1::2] = torch.cos(place * rate)
    return value + table


def rotary(value, base=10000.0):
    """[N, positions, heads, width], as LLaMA's rotate_half."""
    positions, width = value.shape[1], value.shape[3]
    rate = 1.0 / base ** (torch.arange(0, width, 2).float() / width)
    angle = torch.outer(torch.arange(positions).float(), rate)
    cos, sin = (torch.cat([part, part], -1).view(1, positions, 1, width) for part in (angle.cos(), angle.sin()))
    turned = torch.cat([-value[..., width // 2 :], value[..., : width // 2]], -1)
    return value * cos + turned * sin


def times(value, width=6):
    rate = torch.exp(-math.log(10000.0) * torch.arange(width // 2) / (width // 2))
    angle = value[:, None] * rate[None]
    return torch.cat([angle.sin(), angle.cos()], -1)


case("sinusoidalPositions", sinusoidal, s)
case("rotaryPositions", rotary, torch.randn(2, 3, 2, 4))
case("timeEmbedding", times, torch.tensor([0.0, 1.0, 7.5]))

seen = torch.tensor([[True, True, True, True], [True, True, False, False]])


def attend(causal=False, masked=False):
    def call(inner, value):
        blocked = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1) if causal else None
        return inner(value, value, value, attn_mask=blocked, key_padding_mask=~seen if masked else None)[0]

    return call


def lively(module):
    """PyTorch starts these biases at zero, which would hide a missing one."""
    with torch.no_grad():
        for value in module.parameters():
            value.add_(0.2 * torch.randn_like(value))
    return module


case("attention", Named("a", lively(nn.MultiheadAttention(8, 2, batch_first=True)), attend()), s)
case("attention causal", Named("a", lively(nn.MultiheadAttention(8, 2, batch_first=True)), attend(causal=True)), s)
case("attention masked", Named("a", lively(nn.MultiheadAttention(8, 4, batch_first=True)), attend(masked=True)), s)
case(
    "attention across",
    Named(
        "a",
        lively(nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)),
        lambda inner, value, context: inner(value, context, context)[0],
    ),
    s,
    torch.randn(2, 5, 6),
)


class GroupedQuery(nn.Module):
    def __init__(self, width, heads, key_heads, turn):
        super().__init__()
        self.heads, self.key_heads, self.turn, self.size = heads, key_heads, turn, width // heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, key_heads * self.size, bias=False)
        self.v_proj = nn.Linear(width, key_heads * self.size, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, value):
        n, positions, width = value.shape
        q = self.q_proj(value).view(n, positions, self.heads, self.size)
        k = self.k_proj(value).view(n, positions, self.key_heads, self.size)
        v = self.v_proj(value).view(n, positions, self.key_heads, self.size)
        if self.turn:
            q, k = rotary(q), rotary(k)
        k, v = (part.repeat_interleave(self.heads // self.key_heads, 2) for part in (k, v))
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.size)
        scores = scores.masked_fill(torch.triu(torch.ones(positions, positions, dtype=torch.bool), 1), -torch.inf)
        return self.o_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, positions, width))


case("groupedQueryAttention", Named("a", GroupedQuery(8, 4, 2, True)), s)


class Block(nn.Module):
    """GPT-2's, with our names."""

    def __init__(self, width, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp1, self.mlp2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.heads = heads

    def attend(self, value):
        n, positions, width = value.shape
        q, k, v = (
            part.view(n, positions, self.heads, width // self.heads).transpose(1, 2)
            for part in self.attention["qkv"](value).chunk(3, -1)
        )
        scores = q @ k.transpose(-1, -2) / math.sqrt(width // self.heads)
        scores = scores.masked_fill(torch.triu(torch.ones(positions, positions, dtype=torch.bool), 1), -torch.inf)
        return self.attention["proj"]((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, positions, width))

    def forward(self, value):
        value = value + self.attend(self.ln1(value))
        return value + self.mlp2(F.gelu(self.mlp1(self.ln2(value))))


case("transformerBlock", Named("h", Block(8, 2)), s)


class Llama(nn.Module):
    def __init__(self, width, heads, key_heads, middle):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = RmsNorm(width), RmsNorm(width)
        self.self_attn = GroupedQuery(width, heads, key_heads, True)
        self.mlp = nn.ModuleDict({
            "gate_proj": nn.Linear(width, middle, bias=False),
            "up_proj": nn.Linear(width, middle, bias=False),
            "down_proj": nn.Linear(middle, width, bias=False),
        })

    def forward(self, value):
        value = value + self.self_attn(self.input_layernorm(value))
        inner = self.post_attention_layernorm(value)
        return value + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](inner)) * self.mlp["up_proj"](inner))


case("llamaBlock", Named("h", Llama(8, 4, 2, 12)), s)
settings = {"dim_feedforward": 12, "dropout": 0.0, "batch_first": True}
case("transformerEncoderLayer", Named("l", nn.TransformerEncoderLayer(8, 2, **settings)), s)
case(
    "transformerEncoderLayer norm first",
    Named("l", nn.TransformerEncoderLayer(8, 2, activation="gelu", norm_first=True, **settings)),
    s,
)
case("transformerDecoderLayer", Named("l", nn.TransformerDecoderLayer(8, 2, **settings), lambda inner, value, context: inner(value, context, tgt_mask=torch.triu(torch.ones(4, 4, dtype=torch.bool), 1))), s, torch.randn(2, 3, 8))
case("transformerEncoder", Named("stack", nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, **settings), 2, nn.LayerNorm(8))), s)
case("transformer", Named("t", nn.Transformer(8, 2, 1, 1, **settings), lambda inner, source, target: inner(source, target, tgt_mask=torch.triu(torch.ones(3, 3, dtype=torch.bool), 1))), s, torch.randn(2, 3, 8))


def recurrent(inner, value):
    return inner(value)[0]


case("lstm", Named("r", nn.LSTM(8, 3, batch_first=True), recurrent), s)
case("lstm of two layers, both ways", Named("r", nn.LSTM(8, 3, num_layers=2, bidirectional=True, batch_first=True), recurrent), s)
case("gru", Named("r", nn.GRU(8, 3, batch_first=True), recurrent), s)
case("gru of two layers, both ways", Named("r", nn.GRU(8, 3, num_layers=2, bidirectional=True, batch_first=True, bias=False), recurrent), s)


case("rnn", Named("r", nn.RNN(8, 3, batch_first=True), recurrent), s)
case("lstm last", Named("r", nn.LSTM(8, 3, bidirectional=True, batch_first=True), lambda inner, value: inner(value)[1][0].transpose(0, 1).flatten(1)), s)


class BasicBlock(nn.Module):
    """torchvision's."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        if into != out or stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, value):
        made = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(value)))))
        return F.relu(made + (self.downsample(value) if hasattr(self, "downsample") else value))


case("basicBlock", Named("layer1", BasicBlock(4, 4, 1)), image)
case("basicBlock that halves", Named("layer2", BasicBlock(4, 6, 2)), image)


class Double(nn.Module):
    def __init__(self, into, out):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)

    def forward(self, value):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(value))))))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleDict({"0": Double(4, 3), "1": Double(3, 5)})
        self.up = nn.ModuleDict({"0": nn.ConvTranspose2d(5, 3, 2, 2)})
        self.merge = nn.ModuleDict({"0": Double(6, 3)})
        self.out = nn.Conv2d(3, 2, 1)

    def forward(self, value):
        first = self.down["0"](value)
        second = self.down["1"](F.max_pool2d(first, 2))
        return self.out(self.merge["0"](torch.cat([first, self.up["0"](second)], 1)))


case("doubleConv", Named("d", Double(4, 3)), image)
case("unet", Named("u", UNet()), image)
case("upsample", lambda v: F.interpolate(v, scale_factor=2), image)
case("upsample bilinear", lambda v: F.interpolate(v, scale_factor=(2, 3), mode="bilinear"), image)
case("pixelShuffle", lambda v: F.pixel_shuffle(v, 2), image)
case("pixelUnshuffle", lambda v: F.pixel_unshuffle(v, 2), image)
case("pad", lambda v: F.pad(v, (2, 1, 1, 0), mode="reflect"), image)
case("slice", lambda v: v[:, :, 1:5:2], image)
case("normalize", lambda v: F.normalize(v, dim=1), image)
case("einsum", lambda a, b: torch.einsum("bij,bkj->bik", a, b), s, torch.randn(2, 3, 8))

with open(sys.argv[1] if len(sys.argv) > 1 else "layers.json", "w") as file:
    json.dump({"torch": torch.__version__, "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
