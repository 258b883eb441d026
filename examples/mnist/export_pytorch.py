"""The digit classifier of this example, defined in PyTorch and exported to ONNX.

Export in training mode: batch norm must keep its own parameters and running statistics in the graph,
because PinGo adds the backward pass to this very graph. `do_constant_folding=False` for the same reason.

    python3 export_pytorch.py model.onnx
"""

import sys

import torch
from torch import nn

torch.manual_seed(20261123)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(32 * 7 * 7, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
)

torch.onnx.export(
    model,
    torch.zeros(2, 1, 28, 28),
    sys.argv[1] if len(sys.argv) > 1 else "model.onnx",
    input_names=["image"],
    output_names=["logits"],
    dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    opset_version=17,
    training=torch.onnx.TrainingMode.TRAINING,
    do_constant_folding=False,
)
