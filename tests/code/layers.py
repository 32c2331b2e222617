import numpy as np


class Layer:
    def forward(self, input):
        return input

    def backward(self, grad_output):
        return grad_output


class Dense(Layer):
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out) * 0.1
        self.biases = np.zeros(n_out)

    def forward(self, input):
        self.input = input
        return np.dot(input, self.weights) + self.biases

    def backward(self, grad_output):
        grad_input = np.dot(grad_output, self.weights.T)
        self.grad_weights = np.dot(self.input.T, grad_output)
        self.grad_biases = grad_output.mean(axis=0)
        return grad_input


class ReLU(Layer):
    def forward(self, input):
        self.input = input
        return np.maximum(0, input)

    def backward(self, grad_output):
        return grad_output * (self.input > 0)


class Sigmoid(Layer):
    def forward(self, input):
        self.out = 1 / (1 + np.exp(-input))
        return self.out

    def backward(self, grad_output):
        return grad_output * self.out * (1 - self.out)
