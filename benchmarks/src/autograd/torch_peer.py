"""PyTorch as a contestant: python3 torch_peer.py FOLDER THREADS. The lines it speaks: contestant.ts.

Plain modules and AdamW, as a PyTorch user writes them; weights and rows come from the folder that exchange.ts wrote.
"""
import json
import os
import resource
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as error:
    print(json.dumps({"skipped": f"PyTorch is not installed ({error}); apt-get install python3-torch"}), flush=True)
    sys.exit(0)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 512), nn.Linear(512, 512), nn.Linear(512, 10)

    def forward(self, x):
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(64 * 7 * 7, 128), nn.Linear(128, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class ConvNorm(nn.Module):
    def __init__(self, inside, outside, kernel, stride):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outside)

    def forward(self, x):
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        widens = inside != outside
        stride = 2 if widens else 1
        self.first = ConvNorm(inside, outside, 3, stride)
        self.second = ConvNorm(outside, outside, 3, 1)
        if widens:
            setattr(self, "pass", ConvNorm(inside, outside, 1, stride))

    def forward(self, x):
        passed = getattr(self, "pass")(x) if hasattr(self, "pass") else x
        return F.relu(self.second(F.relu(self.first(x))) + passed)


class ResNet8(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = ConvNorm(3, 16, 3, 1)
        self.block1, self.block2, self.block3 = ResidualBlock(16, 16), ResidualBlock(16, 32), ResidualBlock(32, 64)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(F.relu(self.stem(x)))))
        return self.fc(x.mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, positions, width = x.shape
        q, k, v = (
            part.view(batch, positions, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(width, 2)
        )
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mask = torch.ones(positions, positions, dtype=torch.bool).tril()
            scores = (q @ k.transpose(2, 3)) * (q.shape[3] ** -0.5)
            y = scores.masked_fill(~mask, float("-inf")).softmax(3) @ v
        return self.proj(y.transpose(1, 2).reshape(batch, positions, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp1, self.mlp2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attention(self.ln1(x))
        return x + self.mlp2(F.gelu(self.mlp1(self.ln2(x))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(256, 128), nn.Embedding(128, 128)
        self.blocks = nn.ModuleList(Block(128, 4) for _ in range(4))
        self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 256, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class UnetBlock(nn.Module):
    def __init__(self, inside, width):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, inside), nn.GroupNorm(8, width)
        self.conv1, self.conv2 = nn.Conv2d(inside, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.told = nn.Linear(128, 2 * width)
        if inside != width:
            setattr(self, "pass", nn.Conv2d(inside, width, 1))
        if width == 96:
            self.attention = UnetAttention(width)

    def forward(self, x, condition):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.told(condition)[:, :, None, None].chunk(2, 1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        h = (getattr(self, "pass")(x) if hasattr(self, "pass") else x) + h
        return self.attention(h) if hasattr(self, "attention") else h


class UnetAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.qkv, self.proj = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)
        weights = ((q.transpose(1, 2) @ k) * (q.shape[1] ** -0.5)).softmax(2)
        return x + self.proj((v @ weights.transpose(1, 2)).view(x.shape))


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [48, 96, 128]
        self.time1, self.time2, self.words = nn.Linear(64, 128), nn.Linear(128, 128), nn.Embedding(512, 128)
        self.stem = nn.Conv2d(16, 48, 3, padding=1)
        skips, width = [48], 48
        for level, wider in enumerate(widths):
            for part in "ab":
                setattr(self, f"down{level}{part}", UnetBlock(width, wider))
                width = wider
                skips.append(width)
            if level < 2:
                setattr(self, f"shrink{level}", nn.Conv2d(width, width, 3, 2, 1))
                skips.append(width)
        self.middle = UnetBlock(width, width)
        for level in (2, 1, 0):
            for part in "abc":
                setattr(self, f"up{level}{part}", UnetBlock(width + skips.pop(), widths[level]))
                width = widths[level]
            if level > 0:
                setattr(self, f"grow{level}", nn.Conv2d(width, width, 3, padding=1))
        self.last, self.head = nn.GroupNorm(8, 48), nn.Conv2d(48, 16, 3, padding=1)

    def forward(self, x, time, words):
        condition = F.silu(self.time2(F.silu(self.time1(time))) + self.words(words).sum(1))
        h = self.stem(x)
        skips = [h]
        for level in range(3):
            for part in "ab":
                h = getattr(self, f"down{level}{part}")(h, condition)
                skips.append(h)
            if level < 2:
                h = getattr(self, f"shrink{level}")(h)
                skips.append(h)
        h = self.middle(h, condition)
        for level in (2, 1, 0):
            for part in "abc":
                h = getattr(self, f"up{level}{part}")(torch.cat([h, skips.pop()], 1), condition)
            if level > 0:
                h = getattr(self, f"grow{level}")(F.interpolate(h, scale_factor=2, mode="nearest"))
        return self.head(F.silu(self.last(h)))


MODELS = {"mlp": Mlp, "cnn": Cnn, "resnet8": ResNet8, "gpt": Gpt, "unet": Unet}
DTYPES = {"float32": torch.float32, "int64": torch.int64}


def say(answer):
    print(json.dumps(answer), flush=True)


def loss_of(kind, y, target):
    if kind == "mean-squared-error":
        return F.mse_loss(y, target)
    return F.cross_entropy(y.flatten(0, -2), target.flatten())


def main(folder, threads):
    torch.set_num_threads(threads)
    with open(os.path.join(folder, "case.json"), encoding="utf8") as file:
        case = json.load(file)
    with open(os.path.join(folder, "case.bin"), "rb") as file:
        numbers = bytearray(file.read())

    def tensor(entry):
        dtype = DTYPES[entry["dtype"]]
        count = 1
        for size in entry["shape"]:
            count *= size
        return torch.frombuffer(numbers, dtype=dtype, count=count, offset=entry["offset"]).reshape(entry["shape"]).clone()

    model = MODELS[case["workload"]]()
    weights = {entry["name"]: tensor(entry) for entry in case["weights"]}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    fields = {entry["name"]: tensor(entry) for entry in case["fields"]}
    del numbers, weights
    target = fields.pop(case["target"])
    decayed = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    adamw = case["adamw"]
    groups = [{"params": decayed, "weight_decay": adamw["weightDecay"]}, {"params": rest, "weight_decay": 0}]
    optimizer = torch.optim.AdamW(
        groups, lr=adamw["learningRate"], betas=(adamw["beta1"], adamw["beta2"]), eps=adamw["epsilon"]
    )
    size, rows, done = case["batchSize"], target.shape[0], 0
    say({"name": f"PyTorch {torch.__version__}"})
    for line in sys.stdin:
        losses, wall, cpu = [], time.perf_counter(), time.process_time()
        for _ in range(json.loads(line)["steps"]):
            first = done * size % rows
            batch = slice(first, first + size)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(case["loss"], model(*(field[batch] for field in fields.values())), target[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            done += 1
        wall_ms, cpu_ms = 1e3 * (time.perf_counter() - wall), 1e3 * (time.process_time() - cpu)
        say({"wallMs": wall_ms, "cpuMs": cpu_ms, "losses": losses, "sgemmGflops": sgemm_gflops()})
    say({"peakBytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss})


def sgemm_gflops(side=768, repeats=10):
    a, best = torch.randn(side, side), float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        torch.mm(a, a)
        best = min(best, time.perf_counter() - began)
    return 2 * side**3 / best / 1e9


main(sys.argv[1], int(sys.argv[2]))
