"""Published backpropagation: dense layers, batches in columns and in rows, residuals, tied weights, cells, attention.

A formula stands as its source has it, with the model's names. The cotangent of a pre-activation z is its δ (Δ for a
matrix): where a source spells it out inside a product, it is split there. `u` and `G` are the gradient from above.
"""

from __future__ import annotations

import autograd.numpy as np

from textbook_case import (Case, binary_cross_entropy, cross_entropy, df, dg, dh, f, g, h, half_square, relu, sigmoid, simplex,
                           softmax, unit)

DENSE = (
    Case("nielsen-four-equations", "dense",
         "M. Nielsen, Neural Networks and Deep Learning (2015), ch. 2, eqs (30), (BP1)–(BP4); BP4 as an outer product as in"
         " network.py",
         """x: R[n0]; y: R[n3]; f: elementwise
            W1: R[n1, n0]; b1: R[n1]; W2: R[n2, n1]; b2: R[n2]; W3: R[n3, n2]; b3: R[n3]
            z1 = W1 @ x + b1; a1 = f(z1)
            z2 = W2 @ a1 + b2; a2 = f(z2)
            z3 = W3 @ a2 + b3; a3 = f(z3)
            C = sum((a3 - y)**2) / 2""",
         dict(z1=lambda v: v.W1 @ v.x + v.b1, a1=lambda v: f(v.z1), z2=lambda v: v.W2 @ v.a1 + v.b2, a2=lambda v: f(v.z2),
              z3=lambda v: v.W3 @ v.a2 + v.b3, a3=lambda v: f(v.z3), C=lambda v: half_square(v.a3 - v.y)),
         (("z3", "(a₃ − y) ⊙ f′(z₃)", lambda v: (v.a3 - v.y) * df(v.z3)),
          ("z2", "(W₃ᵀ δ₃) ⊙ f′(z₂)", lambda v: (v.W3.T @ v.bar.z3) * df(v.z2)),
          ("z1", "(W₂ᵀ δ₂) ⊙ f′(z₁)", lambda v: (v.W2.T @ v.bar.z2) * df(v.z1)),
          ("b3", "δ₃", lambda v: v.bar.z3), ("b1", "δ₁", lambda v: v.bar.z1),
          ("W3", "δ₃ a₂ᵀ", lambda v: np.outer(v.bar.z3, v.a2)), ("W2", "δ₂ a₁ᵀ", lambda v: np.outer(v.bar.z2, v.a1)),
          ("W1", "δ₁ xᵀ", lambda v: np.outer(v.bar.z1, v.x))),
         sizes=dict(n0=3, n1=5, n2=4, n3=2)),
    Case("nielsen-cross-entropy", "dense", "M. Nielsen, Neural Networks and Deep Learning (2015), ch. 3, eqs (63), (66)–(67)",
         """x: R[n]; y: R[k]; f: elementwise; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
            z1 = W1 @ x + b1; a1 = f(z1); z2 = W2 @ a1 + b2; a2 = sigmoid(z2)
            C = -sum(y * log(a2) + (1 - y) * log(1 - a2))""",
         dict(z1=lambda v: v.W1 @ v.x + v.b1, a1=lambda v: f(v.z1), z2=lambda v: v.W2 @ v.a1 + v.b2, a2=lambda v: sigmoid(v.z2),
              C=lambda v: binary_cross_entropy(v.a2, v.y)),
         (("z2", "a₂ − y", lambda v: v.a2 - v.y), ("W2", "δ₂ a₁ᵀ", lambda v: np.outer(v.bar.z2, v.a1)), ("b2", "δ₂",
         lambda v: v.bar.z2),
          ("z1", "(W₂ᵀ δ₂) ⊙ f′(z₁)", lambda v: (v.W2.T @ v.bar.z2) * df(v.z1))),
         sizes=dict(n=3, m=5, k=2), draw=dict(y=unit)),
    Case("nielsen-softmax", "dense", "M. Nielsen, Neural Networks and Deep Learning (2015), ch. 3, eqs (78), (80)–(82), (84)",
         """x: R[n]; y: R[k]; f: elementwise; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]; fact: sum(y) == 1
            z1 = W1 @ x + b1; a1 = f(z1); z2 = W2 @ a1 + b2; a2 = softmax(z2)
            C = -sum(y * log(a2))""",
         dict(z1=lambda v: v.W1 @ v.x + v.b1, a1=lambda v: f(v.z1), z2=lambda v: v.W2 @ v.a1 + v.b2, a2=lambda v: softmax(v.z2),
              C=lambda v: cross_entropy(v.a2, v.y)),
         (("z2", "a₂ − y", lambda v: v.a2 - v.y), ("W2", "δ₂ a₁ᵀ", lambda v: np.outer(v.bar.z2, v.a1)), ("b2", "δ₂",
         lambda v: v.bar.z2)),
         sizes=dict(n=3, m=5, k=4), draw=dict(y=simplex)),
    Case("goodfellow-mlp", "dense",
         "I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), algorithm 6.4, with Ω(W) = ½‖W‖²",
         """x: R[n]; y: R[k]; f: elementwise; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]; lam: R
            z1 = b1 + W1 @ x; h1 = f(z1); z2 = b2 + W2 @ h1; yhat = f(z2)
            J = sum((yhat - y)**2) / 2 + lam * (sum(W1**2) + sum(W2**2)) / 2""",
         dict(z1=lambda v: v.b1 + v.W1 @ v.x, h1=lambda v: f(v.z1), z2=lambda v: v.b2 + v.W2 @ v.h1, yhat=lambda v: f(v.z2),
              J=lambda v: half_square(v.yhat - v.y) + v.lam * (half_square(v.W1) + half_square(v.W2))),
         (("z2", "(ŷ − y) ⊙ f′(z₂)", lambda v: (v.yhat - v.y) * df(v.z2)), ("b2", "δ₂", lambda v: v.bar.z2),
          ("W2", "δ₂ h₁ᵀ + λ W₂", lambda v: np.outer(v.bar.z2, v.h1) + v.lam * v.W2),
          ("z1", "(W₂ᵀ δ₂) ⊙ f′(z₁)", lambda v: (v.W2.T @ v.bar.z2) * df(v.z1)), ("b1", "δ₁", lambda v: v.bar.z1),
          ("W1", "δ₁ xᵀ + λ W₁", lambda v: np.outer(v.bar.z1, v.x) + v.lam * v.W1)),
         sizes=dict(n=3, m=5, k=2)),
    Case("grosse-vector", "dense",
         "R. Grosse, CSC321 Intro to Neural Networks (Toronto, 2018), lecture 6 notes, Backpropagation, vectorized form",
         """x: R[n]; t: R[k]; f: elementwise; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
            z = W1 @ x + b1; h = f(z); y = W2 @ h + b2
            L = sum((y - t)**2) / 2""",
         dict(z=lambda v: v.W1 @ v.x + v.b1, h=lambda v: f(v.z), y=lambda v: v.W2 @ v.h + v.b2,
              L=lambda v: half_square(v.y - v.t)),
         (("y", "y − t", lambda v: v.y - v.t), ("W2", "∂L/∂y hᵀ", lambda v: np.outer(v.bar.y, v.h)), ("b2", "∂L/∂y",
         lambda v: v.bar.y),
          ("z", "(W₂ᵀ ∂L/∂y) ⊙ f′(z)", lambda v: (v.W2.T @ v.bar.y) * df(v.z)),
          ("W1", "δ xᵀ", lambda v: np.outer(v.bar.z, v.x)), ("b1", "δ", lambda v: v.bar.z)),
         sizes=dict(n=3, m=5, k=2)),
    Case("d2l-mlp", "dense", "A. Zhang et al., Dive into Deep Learning (2023), sec. 5.3.3, with l(o, y) = ½‖o − y‖²",
         """x: R[d]; y: R[q]; f: elementwise; W1: R[h, d]; W2: R[q, h]; lam: R
            z = W1 @ x; a = f(z); o = W2 @ a
            J = sum((o - y)**2) / 2 + lam / 2 * (sum(W1**2) + sum(W2**2))""",
         dict(z=lambda v: v.W1 @ v.x, a=lambda v: f(v.z), o=lambda v: v.W2 @ v.a,
              J=lambda v: half_square(v.o - v.y) + v.lam * (half_square(v.W1) + half_square(v.W2))),
         (("W2", "∂J/∂o aᵀ + λ W₂", lambda v: np.outer(v.bar.o, v.a) + v.lam * v.W2),
          ("z", "(W₂ᵀ ∂J/∂o) ⊙ f′(z)", lambda v: (v.W2.T @ v.bar.o) * df(v.z)),
          ("W1", "δ xᵀ + λ W₁", lambda v: np.outer(v.bar.z, v.x) + v.lam * v.W1)),
         sizes=dict(d=3, h=5, q=2)),
    Case("ufldl-vector", "dense",
         "A. Ng et al., UFLDL Tutorial (Stanford), Backpropagation Algorithm, steps 2–4 in matrix-vectorial notation",
         """x: R[n]; y: R[k]; f: elementwise; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
            z2 = W1 @ x + b1; a2 = f(z2); z3 = W2 @ a2 + b2; a3 = f(z3)
            J = sum((y - a3)**2) / 2""",
         dict(z2=lambda v: v.W1 @ v.x + v.b1, a2=lambda v: f(v.z2), z3=lambda v: v.W2 @ v.a2 + v.b2, a3=lambda v: f(v.z3),
              J=lambda v: half_square(v.y - v.a3)),
         (("z3", "−(y − a₃) ⊙ f′(z₃)", lambda v: -(v.y - v.a3) * df(v.z3)),
          ("z2", "(W₂ᵀ δ₃) ⊙ f′(z₂)", lambda v: (v.W2.T @ v.bar.z3) * df(v.z2)),
          ("W2", "δ₃ a₂ᵀ", lambda v: np.outer(v.bar.z3, v.a2)), ("b2", "δ₃", lambda v: v.bar.z3),
          ("W1", "δ₂ xᵀ", lambda v: np.outer(v.bar.z2, v.x)), ("b1", "δ₂", lambda v: v.bar.z2)),
         sizes=dict(n=3, m=5, k=2)),
    Case("larochelle-tied-autoencoder", "weight tying",
         "H. Larochelle, Neural Networks (Sherbrooke, 2013), 6.2 Autoencoder, loss function: x̂ − x at the output, tied weights"
         " sum encoder and decoder",
         """x: R[n]; W: R[m, n]; b: R[m]; c: R[n]
            z1 = W @ x + b; h = sigmoid(z1); z2 = W.T @ h + c; xhat = sigmoid(z2)
            L = -sum(x * log(xhat) + (1 - x) * log(1 - xhat))""",
         dict(z1=lambda v: v.W @ v.x + v.b, h=lambda v: sigmoid(v.z1), z2=lambda v: v.W.T @ v.h + v.c,
              xhat=lambda v: sigmoid(v.z2),
              L=lambda v: binary_cross_entropy(v.xhat, v.x)),
         (("z2", "x̂ − x", lambda v: v.xhat - v.x),
          ("z1", "(W δ₂) ⊙ h ⊙ (1 − h)", lambda v: (v.W @ v.bar.z2) * v.h * (1 - v.h)),
          ("W", "δ₁ xᵀ + h δ₂ᵀ", lambda v: np.outer(v.bar.z1, v.x) + np.outer(v.h, v.bar.z2)),
          ("b", "δ₁", lambda v: v.bar.z1), ("c", "δ₂", lambda v: v.bar.z2)),
         sizes=dict(n=4, m=3), draw=dict(x=unit)),
    Case("he-residual", "residual",
         "K. He et al., Identity mappings in deep residual networks (2016), eq. (5): the gradient from above plus what comes"
         " through F; here F = W₂ f(W₁ x)",
         """x: R[n]; u: R[n]; f: elementwise; W1: R[m, n]; W2: R[n, m]
            s = sum(u * x)
            z = W1 @ x; a = f(z)
            L = s + sum(u * (W2 @ a))""",
         dict(s=lambda v: np.sum(v.u * v.x), z=lambda v: v.W1 @ v.x, a=lambda v: f(v.z),
              L=lambda v: v.s + np.sum(v.u * (v.W2 @ v.a))),
         (("W2", "u aᵀ", lambda v: np.outer(v.u, v.a)), ("z", "(W₂ᵀ u) ⊙ f′(z)", lambda v: (v.W2.T @ v.u) * df(v.z)),
          ("W1", "δ xᵀ", lambda v: np.outer(v.bar.z, v.x)), ("x", "u + W₁ᵀ δ", lambda v: v.u + v.W1.T @ v.bar.z)),
         sizes=dict(n=4, m=3)),
)

BATCHES = (
    Case("ng-planar-columns", "columns",
         "A. Ng, Neural Networks and Deep Learning (deeplearning.ai), week 3, Planar data classification: the six gradients,"
         " 1/m in the first",
         """X: R[n, m]; Y: R[k, m]; W1: R[h, n]; b1: R[h]; W2: R[k, h]; b2: R[k]
            Z1 = W1 @ X + b1[:, None]; A1 = tanh(Z1); Z2 = W2 @ A1 + b2[:, None]; A2 = sigmoid(Z2)
            J = -sum(Y * log(A2) + (1 - Y) * log(1 - A2)) / m""",
         dict(Z1=lambda v: v.W1 @ v.X + v.b1[:, None], A1=lambda v: np.tanh(v.Z1), Z2=lambda v: v.W2 @ v.A1 + v.b2[:, None],
              A2=lambda v: sigmoid(v.Z2), J=lambda v: binary_cross_entropy(v.A2, v.Y) / v.m),
         (("Z2", "(1/m) (A₂ − Y)", lambda v: (v.A2 - v.Y) / v.m), ("W2", "Δ₂ A₁ᵀ", lambda v: v.bar.Z2 @ v.A1.T),
          ("b2", "Δ₂ 1", lambda v: v.bar.Z2.sum(axis=1)),
          ("Z1", "(W₂ᵀ Δ₂) ⊙ (1 − A₁^⊙2)", lambda v: (v.W2.T @ v.bar.Z2) * (1 - v.A1 ** 2)),
          ("W1", "Δ₁ Xᵀ", lambda v: v.bar.Z1 @ v.X.T), ("b1", "Δ₁ 1", lambda v: v.bar.Z1.sum(axis=1))),
         sizes=dict(n=3, m=6, h=4, k=2), draw=dict(Y=unit)),
    Case("ufldl-columns", "columns",
         "A. Ng et al., UFLDL Tutorial (Stanford), Backpropagation vectorization hints: delta3, delta2, gradW2, gradW1 with one"
         " column an example",
         """X: R[n, m]; Y: R[k, m]; f: elementwise; W1: R[h, n]; W2: R[k, h]
            Z2 = W1 @ X; A2 = f(Z2); Z3 = W2 @ A2; H = f(Z3)
            J = sum((Y - H)**2) / 2""",
         dict(Z2=lambda v: v.W1 @ v.X, A2=lambda v: f(v.Z2), Z3=lambda v: v.W2 @ v.A2, H=lambda v: f(v.Z3),
              J=lambda v: half_square(v.Y - v.H)),
         (("Z3", "−(Y − H) ⊙ f′(Z₃)", lambda v: -(v.Y - v.H) * df(v.Z3)),
          ("Z2", "(W₂ᵀ Δ₃) ⊙ f′(Z₂)", lambda v: (v.W2.T @ v.bar.Z3) * df(v.Z2)),
          ("W2", "Δ₃ A₂ᵀ", lambda v: v.bar.Z3 @ v.A2.T), ("W1", "Δ₂ Xᵀ", lambda v: v.bar.Z2 @ v.X.T)),
         sizes=dict(n=3, m=6, h=4, k=2)),
    Case("cs231n-product", "columns",
         "A. Karpathy, CS231n notes (Stanford), Backpropagation, Gradients for vectorized operations: D = W X",
         """W: R[k, n]; X: R[n, m]; G: R[k, m]
            L = sum(G * (W @ X))""",
         dict(L=lambda v: np.sum(v.G * (v.W @ v.X))),
         (("W", "G Xᵀ", lambda v: v.G @ v.X.T), ("X", "Wᵀ G", lambda v: v.W.T @ v.G)), sizes=dict(k=2, n=3, m=5)),
    Case("jain-broadcasts", "columns",
         "A. Jain, Backpropagation: vector and matrix calculus (CS231n, 2021), sec. 11–13: sums along an axis, a broadcast"
         " column",
         """A: R[m, n]; u: R[n]; B: R[m, n]; w: R[m]; x: R[m]; G: R[m, n]; Y: R[m, n]
            L = sum(u * A.sum(axis=0)) + sum(w * B.sum(axis=1)) + sum(G * (x[:, None] + Y))""",
         dict(L=lambda v: (np.sum(v.u * np.sum(v.A, axis=0)) + np.sum(v.w * np.sum(v.B, axis=1))
                           + np.sum(v.G * (v.x[:, None] + v.Y)))),
         (("A", "1 uᵀ", lambda v: np.outer(np.ones(v.m), v.u)), ("B", "w 1ᵀ", lambda v: np.outer(v.w, np.ones(v.n))),
          ("x", "G 1", lambda v: v.G @ np.ones(v.n))), sizes=dict(m=3, n=4)),
    Case("johnson-linear-layer", "rows", "J. Johnson, Backpropagation for a linear layer (CS231n handout, 2017): Y = X W",
         """X: R[B, d]; W: R[d, m]; b: R[m]; G: R[B, m]
            L = sum(G * (X @ W + b))""",
         dict(L=lambda v: np.sum(v.G * (v.X @ v.W + v.b))),
         (("X", "G Wᵀ", lambda v: v.G @ v.W.T), ("W", "Xᵀ G", lambda v: v.X.T @ v.G)), sizes=dict(B=5, d=3, m=2)),
    Case("grosse-rows", "rows",
         "R. Grosse, CSC321 Intro to Neural Networks (Toronto, 2018), lecture 6 notes, Backpropagation, the batch form",
         """X: R[B, n]; T: R[B, k]; f: elementwise; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
            Z = X @ W1.T + b1; H = f(Z); Y = H @ W2.T + b2
            L = sum((Y - T)**2) / 2""",
         dict(Z=lambda v: v.X @ v.W1.T + v.b1, H=lambda v: f(v.Z), Y=lambda v: v.H @ v.W2.T + v.b2,
              L=lambda v: half_square(v.Y - v.T)),
         (("Y", "Y − T", lambda v: v.Y - v.T), ("W2", "(∂L/∂Y)ᵀ H", lambda v: v.bar.Y.T @ v.H), ("b2", "(∂L/∂Y)ᵀ 1",
         lambda v: v.bar.Y.sum(axis=0)),
          ("Z", "(∂L/∂Y W₂) ⊙ f′(Z)", lambda v: (v.bar.Y @ v.W2) * df(v.Z)), ("W1", "Δᵀ X", lambda v: v.bar.Z.T @ v.X),
          ("b1", "Δᵀ 1", lambda v: v.bar.Z.sum(axis=0))),
         sizes=dict(B=6, n=3, m=4, k=2)),
    Case("cs231n-softmax-classifier", "rows",
         "A. Karpathy, CS231n notes (Stanford), Putting it together: minimal neural network case study, Softmax classifier:"
         " dscores, dW, db",
         """X: R[N, D]; Y: R[N, K]; W: R[D, K]; b: R[K]; lam: R; fact: sum(Y, axis=1) == 1
            Z = X @ W + b; P = softmax(Z)
            L = -sum(Y * log(P)) / N + lam * sum(W**2) / 2""",
         dict(Z=lambda v: v.X @ v.W + v.b, P=lambda v: softmax(v.Z),
              L=lambda v: cross_entropy(v.P, v.Y) / v.N + v.lam * half_square(v.W)),
         (("Z", "(1/N) (P − Y)", lambda v: (v.P - v.Y) / v.N), ("W", "Xᵀ Δ + λ W", lambda v: v.X.T @ v.bar.Z + v.lam * v.W),
          ("b", "Δᵀ 1", lambda v: v.bar.Z.sum(axis=0))),
         sizes=dict(N=6, D=3, K=4), draw=dict(Y=simplex)),
    Case("cs231n-two-layer", "rows",
         "A. Karpathy, CS231n notes (Stanford), Putting it together: minimal neural network case study, training a neural"
         " network",
         """X: R[N, D]; Y: R[N, K]; W1: R[D, M]; b1: R[M]; W2: R[M, K]; b2: R[K]; lam: R; fact: sum(Y, axis=1) == 1
            Z1 = X @ W1 + b1; H = relu(Z1); Z2 = H @ W2 + b2; P = softmax(Z2)
            L = -sum(Y * log(P)) / N + lam * sum(W1**2) / 2 + lam * sum(W2**2) / 2""",
         dict(Z1=lambda v: v.X @ v.W1 + v.b1, H=lambda v: relu(v.Z1), Z2=lambda v: v.H @ v.W2 + v.b2, P=lambda v: softmax(v.Z2),
              L=lambda v: cross_entropy(v.P, v.Y) / v.N + v.lam * (half_square(v.W1) + half_square(v.W2))),
         (("Z2", "(1/N) (P − Y)", lambda v: (v.P - v.Y) / v.N), ("W2", "Hᵀ Δ₂ + λ W₂", lambda v: v.H.T @ v.bar.Z2 + v.lam * v.W2),
          ("b2", "Δ₂ᵀ 1", lambda v: v.bar.Z2.sum(axis=0)), ("Z1", "(Δ₂ W₂ᵀ) ⊙ 1[Z₁ > 0]",
           lambda v: (v.bar.Z2 @ v.W2.T) * (v.Z1 > 0)),
          ("W1", "Xᵀ Δ₁ + λ W₁", lambda v: v.X.T @ v.bar.Z1 + v.lam * v.W1), ("b1", "Δ₁ᵀ 1", lambda v: v.bar.Z1.sum(axis=0))),
         sizes=dict(N=6, D=3, M=5, K=4), draw=dict(Y=simplex)),
    Case("saito-two-layers", "rows",
         "G. Saito, Deep Learning from Scratch 2 (O'Reilly Japan, 2018), ch. 1, layers.py: MatMul and Sigmoid backward, two"
         " layers",
         """X: R[N, D]; W1: R[D, M]; W2: R[M, K]; G: R[N, K]
            Z = X @ W1; A = sigmoid(Z)
            L = sum(G * (A @ W2))""",
         dict(Z=lambda v: v.X @ v.W1, A=lambda v: sigmoid(v.Z), L=lambda v: np.sum(v.G * (v.A @ v.W2))),
         (("W2", "Aᵀ G", lambda v: v.A.T @ v.G), ("W1", "Xᵀ Δ", lambda v: v.X.T @ v.bar.Z), ("X", "Δ W₁ᵀ",
         lambda v: v.bar.Z @ v.W1.T)),
         sizes=dict(N=5, D=3, M=4, K=2)),
)

CELLS = (
    Case("d2l-bptt", "cells", "A. Zhang et al., Dive into Deep Learning (2023), sec. 9.7.2, T = 2, l(o, y) = ½‖o − y‖²",
         """x1: R[d]; x2: R[d]; h0: R[h]; y1: R[q]; y2: R[q]; W_hx: R[h, d]; W_hh: R[h, h]; W_qh: R[q, h]
            h1 = W_hx @ x1 + W_hh @ h0; h2 = W_hx @ x2 + W_hh @ h1; o1 = W_qh @ h1; o2 = W_qh @ h2
            L = (sum((o1 - y1)**2) / 2 + sum((o2 - y2)**2) / 2) / 2""",
         dict(h1=lambda v: v.W_hx @ v.x1 + v.W_hh @ v.h0, h2=lambda v: v.W_hx @ v.x2 + v.W_hh @ v.h1, o1=lambda v: v.W_qh @ v.h1,
              o2=lambda v: v.W_qh @ v.h2, L=lambda v: (half_square(v.o1 - v.y1) + half_square(v.o2 - v.y2)) / 2),
         (("W_qh", "∂L/∂o₁ h₁ᵀ + ∂L/∂o₂ h₂ᵀ", lambda v: np.outer(v.bar.o1, v.h1) + np.outer(v.bar.o2, v.h2)),
          ("h2", "W_qhᵀ ∂L/∂o₂", lambda v: v.W_qh.T @ v.bar.o2),
          ("h1", "W_hhᵀ ∂L/∂h₂ + W_qhᵀ ∂L/∂o₁", lambda v: v.W_hh.T @ v.bar.h2 + v.W_qh.T @ v.bar.o1),
          ("W_hx", "∂L/∂h₁ x₁ᵀ + ∂L/∂h₂ x₂ᵀ", lambda v: np.outer(v.bar.h1, v.x1) + np.outer(v.bar.h2, v.x2)),
          ("W_hh", "∂L/∂h₁ h₀ᵀ + ∂L/∂h₂ h₁ᵀ", lambda v: np.outer(v.bar.h1, v.h0) + np.outer(v.bar.h2, v.h1))),
         sizes=dict(d=3, h=4, q=2)),
    Case("saito-rnn-step", "cells",
         "G. Saito, Deep Learning from Scratch 2 (O'Reilly Japan, 2018), ch. 5, time_layers.py, RNN.backward",
         """X: R[N, D]; H0: R[N, H]; W_x: R[D, H]; W_h: R[H, H]; b: R[H]; G: R[N, H]
            Z = H0 @ W_h + X @ W_x + b; A = tanh(Z)
            L = sum(G * A)""",
         dict(Z=lambda v: v.H0 @ v.W_h + v.X @ v.W_x + v.b, A=lambda v: np.tanh(v.Z), L=lambda v: np.sum(v.G * v.A)),
         (("Z", "G ⊙ (1 − A^⊙2)", lambda v: v.G * (1 - v.A ** 2)), ("b", "Δᵀ 1", lambda v: v.bar.Z.sum(axis=0)),
          ("W_h", "H₀ᵀ Δ", lambda v: v.H0.T @ v.bar.Z), ("H0", "Δ W_hᵀ", lambda v: v.bar.Z @ v.W_h.T),
          ("W_x", "Xᵀ Δ", lambda v: v.X.T @ v.bar.Z), ("X", "Δ W_xᵀ", lambda v: v.bar.Z @ v.W_x.T)),
         sizes=dict(N=5, D=3, H=4)),
    Case("saito-rnn-two-steps", "cells",
         "G. Saito, Deep Learning from Scratch 2 (O'Reilly Japan, 2018), ch. 5, time_layers.py, TimeRNN.backward, T = 2: dhs[t]"
         " + dh, summed gradients",
         """X1: R[N, D]; X2: R[N, D]; H0: R[N, H]; W_x: R[D, H]; W_h: R[H, H]; b: R[H]; G1: R[N, H]; G2: R[N, H]
            Z1 = H0 @ W_h + X1 @ W_x + b; A1 = tanh(Z1); L1 = sum(G1 * A1)
            Z2 = A1 @ W_h + X2 @ W_x + b; A2 = tanh(Z2)
            L = L1 + sum(G2 * A2)""",
         dict(Z1=lambda v: v.H0 @ v.W_h + v.X1 @ v.W_x + v.b, A1=lambda v: np.tanh(v.Z1), L1=lambda v: np.sum(v.G1 * v.A1),
              Z2=lambda v: v.A1 @ v.W_h + v.X2 @ v.W_x + v.b, A2=lambda v: np.tanh(v.Z2), L=lambda v: v.L1 + np.sum(v.G2 * v.A2)),
         (("Z2", "G₂ ⊙ (1 − A₂^⊙2)", lambda v: v.G2 * (1 - v.A2 ** 2)),
          ("Z1", "(G₁ + Δ₂ W_hᵀ) ⊙ (1 − A₁^⊙2)", lambda v: (v.G1 + v.bar.Z2 @ v.W_h.T) * (1 - v.A1 ** 2)),
          ("W_h", "H₀ᵀ Δ₁ + A₁ᵀ Δ₂", lambda v: v.H0.T @ v.bar.Z1 + v.A1.T @ v.bar.Z2),
          ("W_x", "X₁ᵀ Δ₁ + X₂ᵀ Δ₂", lambda v: v.X1.T @ v.bar.Z1 + v.X2.T @ v.bar.Z2),
          ("b", "Δ₁ᵀ 1 + Δ₂ᵀ 1", lambda v: v.bar.Z1.sum(axis=0) + v.bar.Z2.sum(axis=0)), ("H0", "Δ₁ W_hᵀ",
           lambda v: v.bar.Z1 @ v.W_h.T)),
         sizes=dict(N=5, D=3, H=4)),
    Case("mallya-lstm", "cells",
         "A. Mallya, LSTM forward and backward pass (UIUC, 2016), slides Backward pass; the gates' weights kept apart",
         """x: R[n]; h0: R[d]; c0: R[d]; u: R[d]
            W_a: R[d, n]; U_a: R[d, d]; W_i: R[d, n]; U_i: R[d, d]; W_f: R[d, n]; U_f: R[d, d]; W_o: R[d, n]; U_o: R[d, d]
            z_a = W_a @ x + U_a @ h0; a = tanh(z_a); z_i = W_i @ x + U_i @ h0; i = sigmoid(z_i)
            z_f = W_f @ x + U_f @ h0; f = sigmoid(z_f); z_o = W_o @ x + U_o @ h0; o = sigmoid(z_o)
            c = i * a + f * c0
            L = sum(u * (o * tanh(c)))""",
         dict(z_a=lambda v: v.W_a @ v.x + v.U_a @ v.h0, a=lambda v: np.tanh(v.z_a), z_i=lambda v: v.W_i @ v.x + v.U_i @ v.h0,
              i=lambda v: sigmoid(v.z_i), z_f=lambda v: v.W_f @ v.x + v.U_f @ v.h0, f=lambda v: sigmoid(v.z_f),
              z_o=lambda v: v.W_o @ v.x + v.U_o @ v.h0, o=lambda v: sigmoid(v.z_o), c=lambda v: v.i * v.a + v.f * v.c0,
              L=lambda v: np.sum(v.u * (v.o * np.tanh(v.c)))),
         (("z_o", "u ⊙ tanh(c) ⊙ o ⊙ (1 − o)", lambda v: v.u * np.tanh(v.c) * v.o * (1 - v.o)),
          ("c", "u ⊙ o ⊙ (1 − tanh(c)²)", lambda v: v.u * v.o * (1 - np.tanh(v.c) ** 2)),
          ("z_i", "δ_c ⊙ a ⊙ i ⊙ (1 − i)", lambda v: v.bar.c * v.a * v.i * (1 - v.i)),
          ("z_f", "δ_c ⊙ c₀ ⊙ f ⊙ (1 − f)", lambda v: v.bar.c * v.c0 * v.f * (1 - v.f)),
          ("z_a", "δ_c ⊙ i ⊙ (1 − a²)", lambda v: v.bar.c * v.i * (1 - v.a ** 2)), ("c0", "δ_c ⊙ f", lambda v: v.bar.c * v.f),
          ("W_i", "δ_i xᵀ", lambda v: np.outer(v.bar.z_i, v.x)), ("U_f", "δ_f h₀ᵀ", lambda v: np.outer(v.bar.z_f, v.h0))),
         sizes=dict(n=3, d=4)),
    Case("greff-lstm", "cells",
         "K. Greff et al., LSTM: a search space odyssey (2017), sec. II-B Backpropagation through time, one step, no peepholes;"
         " s, g, h for its σ, g, h",
         """x: R[n]; y0: R[d]; c0: R[d]; u: R[d]; s: elementwise; g: elementwise; h: elementwise
            W_z: R[d, n]; R_z: R[d, d]; W_i: R[d, n]; R_i: R[d, d]; W_f: R[d, n]; R_f: R[d, d]; W_o: R[d, n]; R_o: R[d, d]
            b_z: R[d]; b_i: R[d]; b_f: R[d]; b_o: R[d]
            z_z = W_z @ x + R_z @ y0 + b_z; a = g(z_z); z_i = W_i @ x + R_i @ y0 + b_i; i = s(z_i)
            z_f = W_f @ x + R_f @ y0 + b_f; f = s(z_f); c = a * i + c0 * f
            z_o = W_o @ x + R_o @ y0 + b_o; o = s(z_o)
            L = sum(u * (h(c) * o))""",
         dict(z_z=lambda v: v.W_z @ v.x + v.R_z @ v.y0 + v.b_z, a=lambda v: g(v.z_z),
              z_i=lambda v: v.W_i @ v.x + v.R_i @ v.y0 + v.b_i,
              i=lambda v: f(v.z_i), z_f=lambda v: v.W_f @ v.x + v.R_f @ v.y0 + v.b_f, f=lambda v: f(v.z_f),
              c=lambda v: v.a * v.i + v.c0 * v.f, z_o=lambda v: v.W_o @ v.x + v.R_o @ v.y0 + v.b_o, o=lambda v: f(v.z_o),
              L=lambda v: np.sum(v.u * (h(v.c) * v.o))),
         (("z_o", "u ⊙ h(c) ⊙ s′(z_o)", lambda v: v.u * h(v.c) * df(v.z_o)), ("c", "u ⊙ o ⊙ h′(c)",
         lambda v: v.u * v.o * dh(v.c)),
          ("z_f", "δ_c ⊙ c₀ ⊙ s′(z_f)", lambda v: v.bar.c * v.c0 * df(v.z_f)), ("z_i", "δ_c ⊙ a ⊙ s′(z_i)",
           lambda v: v.bar.c * v.a * df(v.z_i)),
          ("z_z", "δ_c ⊙ i ⊙ g′(z_z)", lambda v: v.bar.c * v.i * dg(v.z_z)),
          ("x", "W_zᵀ δ_z + W_iᵀ δ_i + W_fᵀ δ_f + W_oᵀ δ_o",
           lambda v: v.W_z.T @ v.bar.z_z + v.W_i.T @ v.bar.z_i + v.W_f.T @ v.bar.z_f + v.W_o.T @ v.bar.z_o),
          ("y0", "R_zᵀ δ_z + R_iᵀ δ_i + R_fᵀ δ_f + R_oᵀ δ_o",
           lambda v: v.R_z.T @ v.bar.z_z + v.R_i.T @ v.bar.z_i + v.R_f.T @ v.bar.z_f + v.R_o.T @ v.bar.z_o),
          ("W_f", "δ_f xᵀ", lambda v: np.outer(v.bar.z_f, v.x)), ("R_o", "δ_o y₀ᵀ", lambda v: np.outer(v.bar.z_o, v.y0)),
          ("b_i", "δ_i", lambda v: v.bar.z_i)),
         sizes=dict(n=3, d=4)),
    Case("tensorflow-gru", "cells",
         "TensorFlow API docs, tf.raw_ops.GRUBlockCellGrad (d_c_bar, d_u_bar, d_x, d_h_prev); d_r_bar and the weights as in"
         " Saito (2018), GRU.backward",
         """X: R[N, D]; h0: R[N, H]; G: R[N, H]
            W_r: R[D, H]; U_r: R[H, H]; W_u: R[D, H]; U_u: R[H, H]; W_c: R[D, H]; U_c: R[H, H]
            b_r: R[H]; b_u: R[H]; b_c: R[H]
            Z_r = X @ W_r + h0 @ U_r + b_r; r = sigmoid(Z_r); Z_u = X @ W_u + h0 @ U_u + b_u; u = sigmoid(Z_u)
            Z_c = X @ W_c + (r * h0) @ U_c + b_c; c = tanh(Z_c)
            L = sum(G * ((1 - u) * c + u * h0))""",
         dict(Z_r=lambda v: v.X @ v.W_r + v.h0 @ v.U_r + v.b_r, r=lambda v: sigmoid(v.Z_r),
              Z_u=lambda v: v.X @ v.W_u + v.h0 @ v.U_u + v.b_u,
              u=lambda v: sigmoid(v.Z_u), Z_c=lambda v: v.X @ v.W_c + (v.r * v.h0) @ v.U_c + v.b_c, c=lambda v: np.tanh(v.Z_c),
              L=lambda v: np.sum(v.G * ((1 - v.u) * v.c + v.u * v.h0))),
         (("Z_c", "G ⊙ (1 − u) ⊙ (1 − c^⊙2)", lambda v: v.G * (1 - v.u) * (1 - v.c ** 2)),
          ("Z_u", "G ⊙ (h₀ − c) ⊙ u ⊙ (1 − u)", lambda v: v.G * (v.h0 - v.c) * v.u * (1 - v.u)),
          ("Z_r", "(Δ_c U_cᵀ) ⊙ h₀ ⊙ r ⊙ (1 − r)", lambda v: (v.bar.Z_c @ v.U_c.T) * v.h0 * v.r * (1 - v.r)),
          ("W_c", "Xᵀ Δ_c", lambda v: v.X.T @ v.bar.Z_c), ("U_c", "(r ⊙ h₀)ᵀ Δ_c", lambda v: (v.r * v.h0).T @ v.bar.Z_c),
          ("U_r", "h₀ᵀ Δ_r", lambda v: v.h0.T @ v.bar.Z_r), ("b_u", "Δ_uᵀ 1", lambda v: v.bar.Z_u.sum(axis=0)),
          ("X", "Δ_r W_rᵀ + Δ_u W_uᵀ + Δ_c W_cᵀ", lambda v: v.bar.Z_r @ v.W_r.T + v.bar.Z_u @ v.W_u.T + v.bar.Z_c @ v.W_c.T),
          ("h0", "Δ_r U_rᵀ + Δ_u U_uᵀ + (Δ_c U_cᵀ) ⊙ r + G ⊙ u",
           lambda v: v.bar.Z_r @ v.U_r.T + v.bar.Z_u @ v.U_u.T + (v.bar.Z_c @ v.U_c.T) * v.r + v.G * v.u)),
         sizes=dict(N=5, D=3, H=4)),
)

ATTENTION = (
    Case("flash-attention-weights", "attention",
         "T. Dao et al., FlashAttention (2022), app. B.2, and T. Dao, FlashAttention-2 (2023), sec. 2.2: dV, dQ, dK for S = Q"
         " Kᵀ, P = softmax(S), O = P V",
         """Q: R[N, d]; K: R[M, d]; V: R[M, e]; G: R[N, e]
            Z = Q @ K.T; P = softmax(Z); O = P @ V
            L = sum(G * O)""",
         dict(Z=lambda v: v.Q @ v.K.T, P=lambda v: softmax(v.Z), O=lambda v: v.P @ v.V, L=lambda v: np.sum(v.G * v.O)),
         (("V", "Pᵀ G", lambda v: v.P.T @ v.G), ("Q", "Δ K", lambda v: v.bar.Z @ v.K), ("K", "Δᵀ Q", lambda v: v.bar.Z.T @ v.Q)),
         sizes=dict(N=4, M=5, d=3, e=2)),
    Case("flash-attention-scores", "attention",
         "T. Dao et al., FlashAttention (2022), app. B.2: dP = dO Vᵀ, dS_ij = P_ij (dP_ij − Σ_l P_il dP_il), the row sum as a"
         " product with ones",
         """Q: R[N, d]; K: R[M, d]; V: R[M, e]; G: R[N, e]
            Z = Q @ K.T; P = softmax(Z); O = P @ V
            L = sum(G * O)""",
         dict(Z=lambda v: v.Q @ v.K.T, P=lambda v: softmax(v.Z), O=lambda v: v.P @ v.V, L=lambda v: np.sum(v.G * v.O)),
         (("P", "G Vᵀ", lambda v: v.G @ v.V.T),
          ("Z", "P ⊙ (∂L/∂P − (P ⊙ ∂L/∂P) 1 1ᵀ)", lambda v: v.P * (v.bar.P - np.sum(v.P * v.bar.P, axis=1, keepdims=True)))),
         sizes=dict(N=4, M=5, d=3, e=2)),
    Case("rong-skip-gram", "embeddings",
         "X. Rong, word2vec parameter learning explained (2014), eqs (8)–(14), one context word, x and t one-hot: e = y − t, W′"
         " by h e, EH = W′ e, W by x EHᵀ",
         """x: R[V]; t: R[V]; W1: R[V, N]; W2: R[N, V]; fact: sum(t) == 1
            h = W1.T @ x; z = W2.T @ h; y = softmax(z)
            E = -sum(t * log(y))""",
         dict(h=lambda v: v.W1.T @ v.x, z=lambda v: v.W2.T @ v.h, y=lambda v: softmax(v.z), E=lambda v: cross_entropy(v.y, v.t)),
         (("z", "y − t", lambda v: v.y - v.t), ("W2", "h δᵀ", lambda v: np.outer(v.h, v.bar.z)), ("h", "W₂ δ",
         lambda v: v.W2 @ v.bar.z),
          ("W1", "x (∂E/∂h)ᵀ", lambda v: np.outer(v.x, v.bar.h))),
         sizes=dict(V=5, N=3), draw=dict(x=simplex, t=simplex)),
    Case("rong-negative-sampling", "embeddings",
         "X. Rong, word2vec parameter learning explained (2014), eqs (55)–(61), W holding the output vectors of the positive"
         " and the negative words",
         """h: R[N]; t: R[K]; W: R[N, K]
            z = W.T @ h; y = sigmoid(z)
            E = -sum(t * log(y) + (1 - t) * log(1 - y))""",
         dict(z=lambda v: v.W.T @ v.h, y=lambda v: sigmoid(v.z), E=lambda v: binary_cross_entropy(v.y, v.t)),
         (("z", "y − t", lambda v: v.y - v.t), ("W", "h δᵀ", lambda v: np.outer(v.h, v.bar.z)), ("h", "W δ",
         lambda v: v.W @ v.bar.z)),
         sizes=dict(N=3, K=4), draw=dict(t=unit)),
    Case("cs224n-negative-sampling", "embeddings",
         "CS224n (Stanford, 2019), assignment 2, 1(f): (σ(uᵀv) − 1) u − Σ (σ(−u_kᵀv) − 1) u_k and its companions, the u_k as"
         " the columns of N",
         """u: R[d]; v: R[d]; N: R[d, K]
            z1 = u @ v; p = sigmoid(z1); z2 = -(N.T @ v); q = sigmoid(z2)
            J = -log(p) - sum(log(q))""",
         dict(z1=lambda v: v.u @ v.v, p=lambda v: sigmoid(v.z1), z2=lambda v: -(v.N.T @ v.v), q=lambda v: sigmoid(v.z2),
              J=lambda v: -np.log(v.p) - np.sum(np.log(v.q))),
         (("z1", "p − 1", lambda v: v.p - 1), ("z2", "q − 1", lambda v: v.q - 1), ("u", "δ₁ v", lambda v: v.bar.z1 * v.v),
          ("v", "δ₁ u − N δ₂", lambda v: v.bar.z1 * v.u - v.N @ v.bar.z2), ("N", "−v δ₂ᵀ", lambda v: -np.outer(v.v, v.bar.z2))),
         sizes=dict(d=3, K=4)),
)

NETWORKS = DENSE + BATCHES + CELLS + ATTENTION
