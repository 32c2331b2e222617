"""A recurrent network over characters, unrolled in time; characters are numbers, states are columns."""

import numpy as np

text = open("book.txt").read()
alphabet = sorted(set(text))
number_of = {c: k for k, c in enumerate(alphabet)}
vocab_size = len(alphabet)
hidden_size = 64

U = np.random.randn(hidden_size, vocab_size) * 0.01
W = np.random.randn(hidden_size, hidden_size) * 0.01
V = np.random.randn(vocab_size, hidden_size) * 0.01
b = np.zeros((hidden_size, 1))
c = np.zeros((vocab_size, 1))


def unroll(inputs, targets, h0):
    """inputs and targets are lists of integers, h0 is the state before the first one, (hidden_size, 1)."""
    xs, hs, ps = {}, {-1: h0}, {}
    loss = 0
    for t in range(len(inputs)):
        xs[t] = np.zeros((vocab_size, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(U @ xs[t] + W @ hs[t - 1] + b)
        y = V @ hs[t] + c
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss -= np.log(ps[t][targets[t], 0])

    dU, dW, dV = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V)
    db, dc = np.zeros_like(b), np.zeros_like(c)
    carry = np.zeros_like(h0)
    for t in reversed(range(len(inputs))):
        err = np.copy(ps[t])
        err[targets[t]] -= 1
        dV += err @ hs[t].T
        dc += err
        back = (V.T @ err + carry) * (1 - hs[t] ** 2)
        db += back
        dU += back @ xs[t].T
        dW += back @ hs[t - 1].T
        carry = W.T @ back
    return loss, dU, dW, dV, db, dc
