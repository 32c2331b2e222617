"""A network with lists of weights and a choice of costs, a mini-batch as one matrix of columns."""

import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class QuadraticCost:
    @staticmethod
    def fn(a, y):
        return 0.5 * np.sum((a - y) ** 2)

    @staticmethod
    def delta(z, a, y):
        return (a - y) * sigmoid_prime(z)


class Network:
    def __init__(self, sizes, cost=QuadraticCost):
        self.num_layers = len(sizes)
        self.cost = cost
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) / np.sqrt(x) for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = sigmoid(np.dot(w, a) + b)
        return a

    def total_cost(self, x, y):
        a = self.feedforward(x)
        return self.cost.fn(a, y)

    def backprop(self, x, y):
        grad_b = [np.zeros(b.shape) for b in self.biases]
        grad_w = [np.zeros(w.shape) for w in self.weights]
        a = x
        acts, zs = [x], []
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, a) + b
            zs.append(z)
            a = sigmoid(z)
            acts.append(a)
        delta = (self.cost).delta(zs[-1], acts[-1], y)
        grad_b[-1] = np.sum(delta, axis=1, keepdims=True)
        grad_w[-1] = np.dot(delta, acts[-2].T)
        for l in range(2, self.num_layers):
            delta = np.dot(self.weights[-l + 1].T, delta) * sigmoid_prime(zs[-l])
            grad_b[-l] = np.sum(delta, axis=1, keepdims=True)
            grad_w[-l] = np.dot(delta, acts[-l - 1].T)
        return grad_b, grad_w
