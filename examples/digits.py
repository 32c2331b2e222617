"""Train a 64-32-10 softmax network on scikit-learn's handwritten digits with derived gradients.

The model is text; `sb.lambdify` turns its derivation into the function that the loop below calls.
Needs scikit-learn (`pip install 'symbackprop[examples]'`). Fails below 95 % test accuracy.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import symbackprop as sb

MODEL = """
X: R[B, 64]; Y: R[B, 10]
W1: R[64, 32]; b1: R[32]; W2: R[32, 10]; b2: R[10]
fact: sum(Y, axis=1) == 1
Z1 = X @ W1 + b1
H = tanh(Z1)
Z2 = H @ W2 + b2
C = -sum(Y * log_softmax(Z2, axis=-1)) / B
"""
EPOCHS, BATCH, RATE, GOAL = 40, 32, 0.3, 0.95

Array = NDArray[np.float64]


def initial(rng: np.random.Generator) -> dict[str, Array]:
    """Random weights of variance 1/fan-in, zero biases."""
    return {
        "W1": rng.normal(size=(64, 32)) / np.sqrt(64),
        "b1": np.zeros(32),
        "W2": rng.normal(size=(32, 10)) / np.sqrt(32),
        "b2": np.zeros(10),
    }


def accuracy(weights: dict[str, Array], X: Array, labels: NDArray[np.int64]) -> float:
    """Share of samples whose largest logit is the label."""
    hidden = np.tanh(X @ weights["W1"] + weights["b1"])
    return float(np.mean(np.argmax(hidden @ weights["W2"] + weights["b2"], axis=1) == labels))


def main() -> int:
    X, labels = load_digits(return_X_y=True)
    X_train, X_test, train, test = train_test_split(X / 16, labels, test_size=0.25, random_state=0)
    Y_train = np.eye(10)[train]

    rng = np.random.default_rng(0)
    weights = initial(rng)
    derivation = sb.derive(sb.parse(MODEL), wrt=list(weights))
    print(derivation, end="\n\n")
    loss_and_gradients = sb.lambdify(derivation)

    for epoch in range(1, EPOCHS + 1):
        losses = []
        for rows in np.array_split(rng.permutation(len(X_train)), len(X_train) // BATCH):
            loss, gradients = loss_and_gradients(X=X_train[rows], Y=Y_train[rows], **weights)
            losses.append(loss)
            weights = {name: value - RATE * gradients[name] for name, value in weights.items()}
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d}  loss {np.mean(losses):.4f}  test accuracy {accuracy(weights, X_test, test):.4f}")

    final = accuracy(weights, X_test, test)
    print(f"test accuracy {final:.2%} on {len(X_test)} digits not trained on (goal {GOAL:.0%})")
    return 0 if final >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
