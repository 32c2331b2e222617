"""Published gradients of one-layer models and losses: regression, classification, softmax, normalisation, factorisation.

A formula stands as its source has it, with the model's names. The cotangent of a pre-activation z is its δ: where a
source writes Xᵀ (p − y), this is δ = p − y and Xᵀ δ. `u` and `G` are the gradient from above.
"""

from __future__ import annotations

import autograd.numpy as np

from textbook_case import (Array, Case, binary_cross_entropy, cross_entropy, definite, half_square, inv, positive, relu, sigmoid, signs,
                           simplex, softmax, symmetric, unit)


def lse(t: Array) -> Array:
    return np.log(np.sum(np.exp(t)))


REGRESSION = (
    Case("goodfellow-least-squares", "regression",
         "I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), eqs (4.21)–(4.22)",
         """A: R[m, n]; x: R[n]; b: R[m]
            f = sum((A @ x - b)**2) / 2""",
         dict(f=lambda v: half_square(v.A @ v.x - v.b)), (("x", "Aᵀ (A x − b)", lambda v: v.A.T @ (v.A @ v.x - v.b)),),
         sizes=dict(m=5, n=3)),
    Case("d2l-linear-regression", "regression",
         "A. Zhang et al., Dive into Deep Learning (2023), sec. 3.1.1.4, analytic solution",
         """X: R[n, d]; w: R[d]; y: R[n]
            L = norm(y - X @ w)**2""",
         dict(L=lambda v: np.sum((v.y - v.X @ v.w) ** 2)), (("w", "2 Xᵀ (X w − y)", lambda v: 2 * v.X.T @ (v.X @ v.w - v.y)),),
         sizes=dict(n=6, d=3)),
    Case("esl-residual-sum", "regression",
         "T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning (2009), eqs (3.3)–(3.4)",
         """X: R[N, p]; beta: R[p]; y: R[N]
            RSS = (y - X @ beta) @ (y - X @ beta)""",
         dict(RSS=lambda v: (v.y - v.X @ v.beta) @ (v.y - v.X @ v.beta)),
         (("beta", "−2 Xᵀ (y − X β)", lambda v: -2 * v.X.T @ (v.y - v.X @ v.beta)),), sizes=dict(N=6, p=3)),
    Case("fox-ridge", "regression",
         "E. Fox, C. Guestrin, Machine Learning: Regression (U. of Washington, 2015), Computing the gradient of the ridge"
         " objective",
         """H: R[N, D]; w: R[D]; y: R[N]; lam: R
            J = (y - H @ w) @ (y - H @ w) + lam * (w @ w)""",
         dict(J=lambda v: (v.y - v.H @ v.w) @ (v.y - v.H @ v.w) + v.lam * (v.w @ v.w)),
         (("w", "−2 Hᵀ (y − H w) + 2 λ w", lambda v: -2 * v.H.T @ (v.y - v.H @ v.w) + 2 * v.lam * v.w),), sizes=dict(N=6, D=3)),
    Case("ng-linear-regression", "regression",
         "A. Ng, Machine Learning (Coursera, 2011), week 2, vectorized gradient of J(θ) = (1/2m) ‖X θ − y‖²",
         """X: R[m, n]; theta: R[n]; y: R[m]
            J = sum((X @ theta - y)**2) / (2 * m)""",
         dict(J=lambda v: half_square(v.X @ v.theta - v.y) / v.m),
         (("theta", "(1/m) Xᵀ (X θ − y)", lambda v: v.X.T @ (v.X @ v.theta - v.y) / v.m),), sizes=dict(m=6, n=3)),
    Case("goodfellow-weight-decay", "regression",
         "I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), eqs (7.2)–(7.3), J(w) = ½‖X w − y‖²",
         """X: R[m, n]; w: R[n]; y: R[m]; alpha: R
            J = alpha / 2 * (w @ w) + sum((X @ w - y)**2) / 2""",
         dict(J=lambda v: v.alpha / 2 * (v.w @ v.w) + half_square(v.X @ v.w - v.y)),
         (("w", "α w + Xᵀ (X w − y)", lambda v: v.alpha * v.w + v.X.T @ (v.X @ v.w - v.y)),), sizes=dict(m=6, n=3)),
    Case("goodfellow-l1", "regression",
         "I. Goodfellow, Y. Bengio, A. Courville, Deep Learning (2016), eqs (7.19)–(7.20), J(w) = ½‖X w − y‖²",
         """X: R[m, n]; w: R[n]; y: R[m]; alpha: R
            J = alpha * norm(w, ord=1) + sum((X @ w - y)**2) / 2""",
         dict(J=lambda v: v.alpha * np.sum(np.abs(v.w)) + half_square(v.X @ v.w - v.y)),
         (("w", "α sign(w) + Xᵀ (X w − y)", lambda v: v.alpha * np.sign(v.w) + v.X.T @ (v.X @ v.w - v.y)),),
         sizes=dict(m=6, n=3)),
    Case("bishop-lms", "regression",
         "C. Bishop, Pattern Recognition and Machine Learning (2006), eqs (3.12), (3.23): w ← w + η (t − wᵀφ) φ",
         """w: R[M]; phi: R[M]; t: R
            E = (t - w @ phi)**2 / 2""",
         dict(E=lambda v: (v.t - v.w @ v.phi) ** 2 / 2), (("w", "−(t − wᵀ φ) φ", lambda v: -(v.t - v.w @ v.phi) * v.phi),),
         sizes=dict(M=4)),
    Case("shewchuk-quadratic", "regression",
         "J. Shewchuk, An introduction to the conjugate gradient method without the agonizing pain (1994), eqs (3), (7)",
         """A: R[n, n]; x: R[n]; b: R[n]; fact: A == A.T
            f = (x @ A @ x) / 2 - b @ x""",
         dict(f=lambda v: (v.x @ v.A @ v.x) / 2 - v.b @ v.x), (("x", "A x − b", lambda v: v.A @ v.x - v.b),),
         sizes=dict(n=4), draw=dict(A=symmetric)),
    Case("trefethen-rayleigh", "regression",
         "L. Trefethen, D. Bau, Numerical Linear Algebra (1997), eq. (27.2): the quotient itself is reused",
         """A: R[n, n]; x: R[n]; fact: A == A.T
            r = (x @ A @ x) / (x @ x)""",
         dict(r=lambda v: (v.x @ v.A @ v.x) / (v.x @ v.x)),
         (("x", "(2/(xᵀ x)) (A x − r x)", lambda v: 2 / (v.x @ v.x) * (v.A @ v.x - v.r * v.x)),), sizes=dict(n=4),
         draw=dict(A=symmetric)),
    Case("bishop-gaussian-mean", "regression",
         "C. Bishop, Pattern Recognition and Machine Learning (2006), eqs (2.118), (2.120), one observation",
         """x: R[D]; mu: R[D]; Sigma: R[D, D]; fact: Sigma == Sigma.T
            l = -logdet(Sigma) / 2 - ((x - mu) @ inv(Sigma) @ (x - mu)) / 2""",
         dict(l=lambda v: -np.linalg.slogdet(v.Sigma)[1] / 2 - ((v.x - v.mu) @ inv(v.Sigma) @ (v.x - v.mu)) / 2),
         (("mu", "Σ⁻¹ (x − μ)", lambda v: inv(v.Sigma) @ (v.x - v.mu)),), sizes=dict(D=3), draw=dict(Sigma=definite)),
    Case("boyd-log-barrier", "regression",
         "S. Boyd, L. Vandenberghe, Convex Optimization (2004), sec. 11.2.1 and 9.3.2: ∇φ = Aᵀ d, d = 1 ⊘ (b − A x)",
         """A: R[m, n]; x: R[n]; b: R[m]
            phi = -sum(log(b - A @ x))""",
         dict(phi=lambda v: -np.sum(np.log(v.b - v.A @ v.x))),
         (("x", "Aᵀ (1 ⊘ (b − A x))", lambda v: v.A.T @ (1 / (v.b - v.A @ v.x))),),
         sizes=dict(m=5, n=3), draw=dict(b=lambda rng, shape: 20 + rng.uniform(size=shape))),
    Case("boyd-log-sum-exp", "regression",
         "S. Boyd, L. Vandenberghe, Convex Optimization (2004), sec. A.4.2, f(x) = log Σ exp(aᵢᵀx + bᵢ)",
         """A: R[m, n]; x: R[n]; b: R[m]
            z = exp(A @ x + b)
            f = log(sum(z))""",
         dict(z=lambda v: np.exp(v.A @ v.x + v.b), f=lambda v: np.log(np.sum(v.z))),
         (("x", "(1/(1ᵀ z)) Aᵀ z", lambda v: v.A.T @ v.z / np.sum(v.z)),), sizes=dict(m=5, n=3)),
)

CLASSIFICATION = (
    Case("bishop-logistic", "classification",
         "C. Bishop, Pattern Recognition and Machine Learning (2006), eqs (4.90)–(4.91), (4.96): Φᵀ (y − t)",
         """Phi: R[N, M]; w: R[M]; t: R[N]
            z = Phi @ w; y = sigmoid(z)
            E = -sum(t * log(y) + (1 - t) * log(1 - y))""",
         dict(z=lambda v: v.Phi @ v.w, y=lambda v: sigmoid(v.z), E=lambda v: binary_cross_entropy(v.y, v.t)),
         (("z", "y − t", lambda v: v.y - v.t), ("w", "Φᵀ δ", lambda v: v.Phi.T @ v.bar.z)), sizes=dict(N=6, M=3),
         draw=dict(t=unit)),
    Case("esl-logistic-likelihood", "classification",
         "T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning (2009), eqs (4.20), (4.24): Xᵀ (y − p)",
         """X: R[N, d]; beta: R[d]; y: R[N]
            z = X @ beta; p = sigmoid(z)
            l = sum(y * log(p) + (1 - y) * log(1 - p))""",
         dict(z=lambda v: v.X @ v.beta, p=lambda v: sigmoid(v.z), l=lambda v: -binary_cross_entropy(v.p, v.y)),
         (("z", "y − p", lambda v: v.y - v.p), ("beta", "Xᵀ δ", lambda v: v.X.T @ v.bar.z)), sizes=dict(N=6, d=3),
         draw=dict(y=unit)),
    Case("cameron-poisson", "classification",
         "A. Cameron, P. Trivedi, Regression Analysis of Count Data (2013), ch. 3, first-order conditions Σ (yᵢ − exp(xᵢᵀβ)) xᵢ"
         " = 0 of the Poisson likelihood",
         """X: R[N, d]; beta: R[d]; y: R[N]
            z = X @ beta; mu = exp(z)
            l = sum(y * z - mu)""",
         dict(z=lambda v: v.X @ v.beta, mu=lambda v: np.exp(v.z), l=lambda v: np.sum(v.y * v.z - v.mu)),
         (("z", "y − μ", lambda v: v.y - v.mu), ("beta", "Xᵀ δ", lambda v: v.X.T @ v.bar.z)), sizes=dict(N=6, d=3),
         draw=dict(y=positive)),
    Case("lin-signed-logistic", "classification",
         "C.-J. Lin, R. Weng, S. Keerthi, Trust region Newton method for logistic regression (2008), sec. 2: ∇f = w + C Σ"
         " (σ(yᵢwᵀxᵢ) − 1) yᵢ xᵢ",
         """X: R[l, n]; w: R[n]; y: R[l]; c: R
            r = (w @ w) / 2; z = y * (X @ w); p = sigmoid(z)
            f = r - c * sum(log(p))""",
         dict(r=lambda v: (v.w @ v.w) / 2, z=lambda v: v.y * (v.X @ v.w), p=lambda v: sigmoid(v.z),
              f=lambda v: v.r - v.c * np.sum(np.log(v.p))),
         (("z", "c (p − 1)", lambda v: v.c * (v.p - 1)), ("w", "w + Xᵀ (δ ⊙ y)", lambda v: v.w + v.X.T @ (v.bar.z * v.y))),
         sizes=dict(l=6, n=3), draw=dict(y=signs)),
    Case("pegasos-hinge", "classification",
         "S. Shalev-Shwartz et al., Pegasos: primal estimated sub-gradient solver for SVM (2011), sec. 2: ∇ = λ w − 1[y ⟨w, x⟩"
         " < 1] y x",
         """x: R[n]; w: R[n]; y: R; lam: R
            r = lam / 2 * sum(w**2); z = 1 - y * (w @ x)
            f = r + relu(z)""",
         dict(r=lambda v: v.lam / 2 * np.sum(v.w ** 2), z=lambda v: 1 - v.y * (v.w @ v.x), f=lambda v: v.r + relu(v.z)),
         (("z", "1[z > 0]", lambda v: 1.0 * (v.z > 0)), ("w", "λ w − δ y x", lambda v: v.lam * v.w - v.bar.z * v.y * v.x)),
         sizes=dict(n=4)),
    Case("softmax-without-the-fact", "softmax",
         "H. Sun, Matrix calculus (blog, 2019), cross entropy with softmax: −t/o at the output, −tₖ + Σᵢ tᵢ oₖ before Σ t = 1;"
         " here with the positive term first",
         """z: R[n]; t: R[n]
            o = softmax(z)
            E = -sum(t * log(o))""",
         dict(o=lambda v: softmax(v.z), E=lambda v: cross_entropy(v.o, v.t)),
         (("o", "−t ⊘ o", lambda v: -v.t / v.o), ("z", "(1ᵀ t) o − t", lambda v: np.sum(v.t) * v.o - v.t)), sizes=dict(n=4),
         draw=dict(t=positive)),
    Case("softmax-with-the-fact", "softmax",
         "C. Bishop, Pattern Recognition and Machine Learning (2006), eqs (4.106)–(4.109), one observation: y − t",
         """z: R[K]; t: R[K]; fact: sum(t) == 1
            y = softmax(z)
            E = -sum(t * log(y))""",
         dict(y=lambda v: softmax(v.z), E=lambda v: cross_entropy(v.y, v.t)), (("z", "y − t", lambda v: v.y - v.t),),
         sizes=dict(K=4), draw=dict(t=simplex)),
    Case("hinton-distillation", "softmax",
         "G. Hinton, O. Vinyals, J. Dean, Distilling the knowledge in a neural network (2015), eq. (2)",
         """z: R[n]; p: R[n]; T: R; fact: sum(p) == 1
            q = softmax(z / T)
            C = -sum(p * log(q))""",
         dict(q=lambda v: softmax(v.z / v.T), C=lambda v: cross_entropy(v.q, v.p)), (("z", "(1/T) (q − p)",
         lambda v: (v.q - v.p) / v.T),),
         sizes=dict(n=4), draw=dict(p=simplex)),
    Case("blondel-logistic-loss", "softmax",
         "M. Blondel, A. Martins, V. Niculae, Learning with Fenchel–Young losses (2020), prop. 2 and table 1: ∇L = softmax(θ) −"
         " y",
         """theta: R[n]; y: R[n]
            L = logsumexp(theta) - y @ theta""",
         dict(L=lambda v: lse(v.theta) - v.y @ v.theta), (("theta", "softmax(θ) − y", lambda v: softmax(v.theta) - v.y),),
         sizes=dict(n=4)),
    Case("martins-softmax-jacobian", "softmax",
         "A. Martins, R. Astudillo, From softmax to sparsemax (2016), sec. 2.5: J v = p ⊙ (v − v̄ 1), v̄ = Σ pⱼ vⱼ",
         """z: R[n]; u: R[n]
            p = softmax(z)
            L = u @ p""",
         dict(p=lambda v: softmax(v.z), L=lambda v: v.u @ v.p), (("z", "p ⊙ (u − (pᵀ u) 1)",
         lambda v: v.p * (v.u - v.p @ v.u)),), sizes=dict(n=4)),
    Case("nnlib-log-softmax", "softmax", "NNlib.jl (FluxML), src/softmax.jl, ∇logsoftmax: dy − sum(dy) exp(y), the output reused",
         """z: R[n]; u: R[n]
            y = log_softmax(z)
            L = u @ y""",
         dict(y=lambda v: v.z - lse(v.z), L=lambda v: v.u @ v.y), (("z", "u − (1ᵀ u) exp(y)",
         lambda v: v.u - np.sum(v.u) * np.exp(v.y)),),
         sizes=dict(n=4)),
    Case("ramsauer-hopfield", "softmax",
         "H. Ramsauer et al., Hopfield networks is all you need (2021), eqs (2)–(3), app. A.1: ∇E = ξ − X softmax(β Xᵀ ξ)",
         """X: R[d, N]; xi: R[d]; beta: R
            E = (xi @ xi) / 2 - logsumexp(beta * (X.T @ xi)) / beta""",
         dict(E=lambda v: (v.xi @ v.xi) / 2 - lse(v.beta * (v.X.T @ v.xi)) / v.beta),
         (("xi", "ξ − X softmax(β Xᵀ ξ)", lambda v: v.xi - v.X @ softmax(v.beta * (v.X.T @ v.xi))),), sizes=dict(d=3, N=5)),
)

NORMALISATION = (
    Case("batch-norm-scale", "normalisation",
         "S. Ioffe, C. Szegedy, Batch normalization (2015), sec. 3, the chain rule: ∂ℓ/∂x̂, ∂ℓ/∂γ, ∂ℓ/∂β, one feature over m"
         " examples",
         """x: R[m]; gamma: R; beta: R; u: R[m]; eps: R
            mu = mean(x); s = mean((x - mu)**2); xhat = (x - mu) / sqrt(s + eps)
            L = sum(u * (gamma * xhat + beta))""",
         dict(mu=lambda v: np.mean(v.x), s=lambda v: np.mean((v.x - v.mu) ** 2),
              xhat=lambda v: (v.x - v.mu) / np.sqrt(v.s + v.eps),
              L=lambda v: np.sum(v.u * (v.gamma * v.xhat + v.beta))),
         (("xhat", "γ u", lambda v: v.gamma * v.u), ("gamma", "uᵀ x̂", lambda v: v.u @ v.xhat), ("beta", "1ᵀ u",
         lambda v: np.sum(v.u))),
         sizes=dict(m=6)),
    Case("kratzert-batch-norm", "normalisation",
         "F. Kratzert, Understanding the backward pass through batch normalization layer (2016): dbeta, dgamma as sums over"
         " axis 0",
         """X: R[N, D]; gamma: R[D]; beta: R[D]; G: R[N, D]
            Xhat = (X - X.mean(axis=0)) / sqrt(X.var(axis=0) + 1)
            L = sum(G * (gamma * Xhat + beta))""",
         dict(Xhat=lambda v: (v.X - np.mean(v.X, axis=0)) / np.sqrt(np.var(v.X, axis=0) + 1),
              L=lambda v: np.sum(v.G * (v.gamma * v.Xhat + v.beta))),
         (("gamma", "(G ⊙ X̂)ᵀ 1", lambda v: np.sum(v.G * v.Xhat, axis=0)), ("beta", "Gᵀ 1", lambda v: np.sum(v.G, axis=0))),
         sizes=dict(N=5, D=3)),
    Case("triton-layer-norm-scale", "normalisation",
         "Triton tutorials (OpenAI, 2022), 05 Layer Normalization, backward pass: ∇w = ∇y ⊙ x̂, ∇b = ∇y, and ∇y ⊙ w",
         """x: R[N]; w: R[N]; b: R[N]; u: R[N]; eps: R
            mu = mean(x); s = sqrt(var(x) + eps); xhat = (x - mu) / s
            L = sum(u * (xhat * w + b))""",
         dict(mu=lambda v: np.mean(v.x), s=lambda v: np.sqrt(np.var(v.x) + v.eps), xhat=lambda v: (v.x - v.mu) / v.s,
              L=lambda v: np.sum(v.u * (v.xhat * v.w + v.b))),
         (("w", "u ⊙ x̂", lambda v: v.u * v.xhat), ("b", "u", lambda v: v.u), ("xhat", "u ⊙ w", lambda v: v.u * v.w)),
         sizes=dict(N=6)),
    Case("triton-layer-norm-input", "normalisation",
         "Triton tutorials (OpenAI, 2022), 05 Layer Normalization, backward pass: ∇x = (1/σ) (∇y ⊙ w − c₁ x̂ − c₂), the two"
         " inner products spelled out",
         """x: R[N]; w: R[N]; b: R[N]; u: R[N]; eps: R
            mu = mean(x); s = sqrt(var(x) + eps); xhat = (x - mu) / s
            L = sum(u * (xhat * w + b))""",
         dict(mu=lambda v: np.mean(v.x), s=lambda v: np.sqrt(np.var(v.x) + v.eps), xhat=lambda v: (v.x - v.mu) / v.s,
              L=lambda v: np.sum(v.u * (v.xhat * v.w + v.b))),
         (("x", "(1/s) (u ⊙ w − (1/N) (x̂ᵀ (u ⊙ w)) x̂ − (1/N) (uᵀ w) 1)",
           lambda v: (v.u * v.w - v.xhat @ (v.u * v.w) / v.N * v.xhat - v.u @ v.w / v.N) / v.s),), sizes=dict(N=6)),
    Case("zhang-rms-norm", "normalisation",
         "B. Zhang, R. Sennrich, Root mean square layer normalization (2019), sec. 4.2: ∂L/∂b = ∂L/∂v, ∂L/∂g = ∂L/∂v ⊙ (W x /"
         " RMS)",
         """a: R[n]; g: R[n]; b: R[n]; u: R[n]
            abar = a / sqrt(mean(a**2))
            L = sum(u * (abar * g + b))""",
         dict(abar=lambda v: v.a / np.sqrt(np.mean(v.a ** 2)), L=lambda v: np.sum(v.u * (v.abar * v.g + v.b))),
         (("g", "u ⊙ ā", lambda v: v.u * v.abar), ("b", "u", lambda v: v.u), ("abar", "u ⊙ g", lambda v: v.u * v.g)),
         sizes=dict(n=5)),
    Case("wang-normface", "normalisation",
         "F. Wang et al., NormFace: L2 hypersphere embedding for face verification (2017), sec. 3.1: (g − x̃ (gᵀ x̃)) / ‖x‖",
         """x: R[n]; u: R[n]
            xhat = x / norm(x)
            L = u @ xhat""",
         dict(xhat=lambda v: v.x / np.sqrt(v.x @ v.x), L=lambda v: v.u @ v.xhat),
         (("x", "(1/‖x‖) (u − (uᵀ x̂) x̂)", lambda v: (v.u - v.u @ v.xhat * v.xhat) / np.sqrt(v.x @ v.x)),), sizes=dict(n=4)),
    Case("salimans-weight-norm", "normalisation",
         "T. Salimans, D. Kingma, Weight normalization (2016), eqs (2)–(3): ∇g reused in ∇v; u for ∇w",
         """v: R[n]; g: R; u: R[n]
            w = g / norm(v) * v
            L = u @ w""",
         dict(w=lambda v: v.g / np.sqrt(v.v @ v.v) * v.v, L=lambda v: v.u @ v.w),
         (("g", "(1/‖v‖) uᵀ v", lambda v: v.u @ v.v / np.sqrt(v.v @ v.v)),
          ("v", "(g/‖v‖) u − (g/‖v‖²) ∂L/∂g v", lambda v: v.g / np.sqrt(v.v @ v.v) * v.u - v.g / (v.v @ v.v) * v.bar.g * v.v)),
         sizes=dict(n=4)),
)

FACTORISATION = (
    Case("ye-du-asymmetric", "factorisation",
         "T. Ye, S. Du, Global convergence of gradient descent for asymmetric low-rank matrix factorization (2021), sec. 1, ½‖U"
         " Vᵀ − Σ‖²",
         """U: R[m, d]; V: R[n, d]; M: R[m, n]
            f = sum((U @ V.T - M)**2) / 2""",
         dict(f=lambda v: half_square(v.U @ v.V.T - v.M)),
         (("U", "(U Vᵀ − M) V", lambda v: (v.U @ v.V.T - v.M) @ v.V), ("V", "(U Vᵀ − M)ᵀ U",
         lambda v: (v.U @ v.V.T - v.M).T @ v.U)),
         sizes=dict(m=5, n=4, d=2)),
    Case("d2l-factorisation", "factorisation",
         "A. Zhang et al., Dive into Deep Learning (2023), sec. 22.4.7: ‖X − U V‖² with respect to V",
         """X: R[n, m]; U: R[n, r]; V: R[r, m]
            f = norm(X - U @ V)**2""",
         dict(f=lambda v: np.sum((v.X - v.U @ v.V) ** 2)), (("V", "−2 Uᵀ (X − U V)", lambda v: -2 * v.U.T @ (v.X - v.U @ v.V)),),
         sizes=dict(n=5, m=4, r=2)),
    Case("lin-nmf", "factorisation",
         "C.-J. Lin, Projected gradient methods for nonnegative matrix factorization (2007), sec. 2: (W H − V) Hᵀ, Wᵀ (W H − V)",
         """W: R[n, r]; H: R[r, m]; V: R[n, m]
            f = sum((W @ H - V)**2) / 2""",
         dict(f=lambda v: half_square(v.W @ v.H - v.V)),
         (("W", "(W H − V) Hᵀ", lambda v: (v.W @ v.H - v.V) @ v.H.T), ("H", "Wᵀ (W H − V)", lambda v: v.W.T @ (v.W @ v.H - v.V))),
         sizes=dict(n=5, m=4, r=2)),
    Case("srebro-weighted", "factorisation",
         "N. Srebro, T. Jaakkola, Weighted low-rank approximations (2003), sec. 2: ∂J/∂U = 2 (W ⊙ (U Vᵀ − A)) V",
         """U: R[n, k]; V: R[m, k]; A: R[n, m]; W: R[n, m]
            J = sum(W * (U @ V.T - A)**2)""",
         dict(J=lambda v: np.sum(v.W * (v.U @ v.V.T - v.A) ** 2)),
         (("U", "2 (W ⊙ (U Vᵀ − A)) V", lambda v: 2 * (v.W * (v.U @ v.V.T - v.A)) @ v.V),), sizes=dict(n=5, m=4, k=2),
         draw=dict(W=positive)),
    Case("chi-rank-one", "factorisation",
         "Y. Chi, Y. Lu, Y. Chen, Nonconvex optimization meets low-rank matrix factorization (2019), sec. III-A, ¼‖x xᵀ − M‖²",
         """x: R[n]; M: R[n, n]; fact: M == M.T
            f = sum((outer(x, x) - M)**2) / 4""",
         dict(f=lambda v: half_square(np.outer(v.x, v.x) - v.M) / 2), (("x", "(x xᵀ − M) x",
         lambda v: (np.outer(v.x, v.x) - v.M) @ v.x),),
         sizes=dict(n=4), draw=dict(M=symmetric)),
    Case("arora-deep-linear", "factorisation",
         "S. Arora et al., A convergence analysis of gradient descent for deep linear neural networks (2019), sec. 2: two"
         " layers, ½‖W X − Y‖²",
         """X: R[n, m]; Y: R[k, m]; W1: R[h, n]; W2: R[k, h]
            W = W2 @ W1
            L = sum((W @ X - Y)**2) / 2""",
         dict(W=lambda v: v.W2 @ v.W1, L=lambda v: half_square(v.W @ v.X - v.Y)),
         (("W", "(W X − Y) Xᵀ", lambda v: (v.W @ v.X - v.Y) @ v.X.T), ("W1", "W₂ᵀ ∂L/∂W", lambda v: v.W2.T @ v.bar.W),
          ("W2", "∂L/∂W W₁ᵀ", lambda v: v.bar.W @ v.W1.T)), sizes=dict(n=3, m=6, h=4, k=2)),
)

MODELS = REGRESSION + CLASSIFICATION + NORMALISATION + FACTORISATION
