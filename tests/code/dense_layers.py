"""A small framework: every layer knows its parameters, and a network chains them."""

import numpy as np


class Layer:
    def forward(self, x):
        raise NotImplementedError

    def backward(self, grad):
        raise NotImplementedError


class Linear(Layer):
    def __init__(self, in_features, out_features):
        self.W = np.random.randn(in_features, out_features) * np.sqrt(2.0 / in_features)
        self.b = np.zeros((1, out_features))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = np.sum(grad, axis=0, keepdims=True)
        return grad @ self.W.T


class Tanh(Layer):
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, grad):
        return grad * (1 - self.out ** 2)


class MSELoss:
    def forward(self, pred, target):
        self.pred, self.target = pred, target
        return np.mean((pred - target) ** 2)

    def backward(self):
        return 2 * (self.pred - self.target) / self.target.size


class Sequential:
    def __init__(self, n_in, n_hidden, n_out):
        self.fc1 = Linear(n_in, n_hidden)
        self.act = Tanh()
        self.fc2 = Linear(n_hidden, n_out)
        self.criterion = MSELoss()

    def train_step(self, x, y, lr):
        h = self.act.forward(self.fc1.forward(x))
        out = self.fc2.forward(h)
        loss = self.criterion.forward(out, y)
        grad = self.criterion.backward()
        grad = self.fc2.backward(grad)
        grad = self.act.backward(grad)
        grad = self.fc1.backward(grad)
        for layer in (self.fc1, self.fc2):
            layer.W -= lr * layer.dW
            layer.b -= lr * layer.db
        return loss
