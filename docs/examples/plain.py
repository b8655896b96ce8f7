"""A small residual network on few of scikit-learn's digits, a fifth of them with a wrong label.

plain.py and noisy.py differ by two lines.
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class Block(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + x)


torch.manual_seed(0)
torch.set_num_threads(1)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(digits.target)
x, x_test, y, y_test = train_test_split(images, labels, train_size=320, stratify=labels, random_state=0)
wrong = torch.rand(len(y)) < 0.2
y = torch.where(wrong, torch.randint(10, y.shape), y)

stem = nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
model = nn.Sequential(*stem, Block(16), Block(16), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-4)

for epoch in range(1, 21):
    model.train()
    for batch in torch.randperm(len(x)).split(32):
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 0:
        model.eval()
        with torch.no_grad():
            train_loss = F.cross_entropy(model(x), y)
            test = model(x_test)
            test_loss = F.cross_entropy(test, y_test)
        accuracy = (test.argmax(1) == y_test).float().mean()
        print(f"epoch {epoch:2}: loss {train_loss:.3f} train, {test_loss:.3f} test; accuracy {accuracy:.3f} test")
