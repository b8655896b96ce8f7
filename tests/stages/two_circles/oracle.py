"""The tests' oracle: one perceptron trained on its own, as the tutorial does in Keras.

nn.Sequential, autograd, Adam word for word.
"""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from noise.gaussian import gaussian_noise


class Noisy(nn.Module):
    """Keras' GaussianNoise, from a generator that the test knows."""

    def __init__(self, stddev, generator):
        super().__init__()
        self.stddev, self.generator = stddev, generator

    def forward(self, x):
        return gaussian_noise(x, self.stddev, self.generator) if self.training else x


def sequential(kernel, output, site, stddev, generator):
    """Dense, ReLU, Dense with these kernels (2, hidden) and (hidden,), zero biases, and noise.

    site: "input", "before" or "after" the ReLU, or None.
    """
    hidden = kernel.shape[1]
    first, second = nn.Linear(2, hidden), nn.Linear(hidden, 1)
    with torch.no_grad():
        first.weight.copy_(kernel.T)
        second.weight.copy_(output[None])
        first.bias.zero_()
        second.bias.zero_()
    noise = Noisy(stddev, generator)
    layers = {
        None: [first, nn.ReLU(), second],
        "input": [noise, first, nn.ReLU(), second],
        "before": [first, noise, nn.ReLU(), second],
        "after": [first, nn.ReLU(), noise, second],
    }
    return nn.Sequential(*layers[site])


def fit(model, x, y, test_x, epochs, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """The noisy training logits and the clean test logits of every epoch, float32 (epochs, points)."""
    parameters = list(model.parameters())
    m, v = [0] * len(parameters), [0] * len(parameters)
    train_logits, test_logits = [], []
    for t in range(1, epochs + 1):
        model.train()
        logits = model(x)[:, 0]
        gradients = torch.autograd.grad(binary_cross_entropy_with_logits(logits, y), parameters)
        rate = learning_rate * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        with torch.no_grad():
            for i, (parameter, gradient) in enumerate(zip(parameters, gradients)):
                m[i] = beta1 * m[i] + (1 - beta1) * gradient
                v[i] = beta2 * v[i] + (1 - beta2) * gradient**2
                parameter -= rate * m[i] / (v[i] ** 0.5 + epsilon)
            model.eval()
            train_logits.append(logits.detach())
            test_logits.append(model(test_x)[:, 0])
    return torch.stack(train_logits), torch.stack(test_logits)
